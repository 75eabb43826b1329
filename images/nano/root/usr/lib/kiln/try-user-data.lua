-- The work of kiln-user-data.
local system = require 'system'
local userData = require 'user-data'
local directory = os.tmpname() .. '.scripts'
userData.apply(system.read(arg[1]), directory, system.read('/etc/kiln/login-user'):match '%S+')
userData.runScripts(directory)
system.run('rm -rf ' .. directory)
