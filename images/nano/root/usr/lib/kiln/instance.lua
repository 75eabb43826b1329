-- What happens once for each instance id. A disk copied to another instance, as by CreateImage, is configured anew.
local system = require 'system'
local report = require 'report'
local metadata = require 'metadata'
local accounts = require 'accounts'
local hostKey = require 'host-key'
local network = require 'network'
local userData = require 'user-data'
local instance = { directory = '/var/lib/kiln' }
local idPath = instance.directory .. '/instance-id'
local clonePath = instance.directory .. '/clone-id'

-- The id that this disk was last configured for.
function instance.known() return (system.read(idPath) or ''):match '^%S+' end

function instance.directoryOf(id) return instance.directory .. '/instance/' .. id end

-- What this answers remembers of a clone of a template that it was given its host key and its machine id before it asked anybody; it keeps
-- them.
function instance.prepareClone() return system.prepare(clonePath, {}) end

-- The public keys that the metadata lists as `0=name`.
local function readKeys(client)
  local keys = {}
  for index in (client.get 'meta-data/public-keys/' or ''):gmatch '(%d+)=[^\n]*' do
    local text = client.get('meta-data/public-keys/' .. index .. '/openssh-key') or ''
    for key in text:gmatch '[^\r\n]+' do keys[#keys + 1] = key end
  end
  return keys
end

-- As many digits as machine-id(5) asks for, from the kernel's own random numbers.
local function newMachineId() return (system.read '/proc/sys/kernel/random/uuid'):gsub('%W', '') end

local function configure(client, id)
  if system.read(clonePath) ~= id then
    -- Two servers of one image must not have the same host keys.
    hostKey.removeAll()
    system.write('/etc/machine-id', newMachineId() .. '\n', { mode = 292 })
  end
  local name = client.get 'meta-data/local-hostname'
  if name and name ~= '' then userData.setHostname(name) end
  local login = (system.read '/etc/kiln/login-user'):match '%S+'
  accounts.authorize(login, readKeys(client))
  local bytes = client.get 'user-data'
  if bytes then
    local directory = instance.directoryOf(id)
    system.makeDirectory(directory, 448)
    system.write(directory .. '/user-data', bytes, { mode = 384 })
    userData.apply(bytes, directory .. '/scripts', login)
  end
  -- Last, so that a power cut before it has all done again; scripts have not run yet.
  system.writeDurably(idPath, id .. '\n')
end

-- Reads the metadata and, on an instance that is new to this disk, does what it says. False when the service was silent for
-- `limitSeconds`.
function instance.identify(limitSeconds)
  if not metadata.isExpected() then
    report.say 'metadata: not asked for, the serial number of this machine does not begin with "ec2"'
    return true
  end
  local client, why = metadata.open(limitSeconds)
  if not client then return why == 'refused' end
  local isDone, problem = pcall(function()
    local id = client.get 'meta-data/instance-id'
    if not (id and id:find '^[%w-]+$') then error('metadata: there is no instance id', 0) end
    report.say 'boot stage metadata'
    network.takeUpIpv6(client)
    if id ~= instance.known() then configure(client, id) end
  end)
  if not isDone then report.say(tostring(problem)) end
  return isDone
end

return instance
