-- A machine that is booted once, told nothing of any instance, and stands still. A clone goes on from there: first of all it is told who
-- it is. Two clones must have nothing in common but what every instance of their image has.
local ffi = require 'ffi'
local C = ffi.C
local system = require 'system'
local accounts = require 'accounts'
local hostKey = require 'host-key'
local instance = require 'instance'
local interface = require 'interface'
local report = require 'report'
local server = require 'server'
local templateIdentity = require 'template-identity'
local templatePort = require 'template-port'
local userData = require 'user-data'
ffi.cdef 'void sync(void);'
local template = {}
-- Told to the host, which makes new templates when it is another.
local version = 1
local mostTries, soonSeconds = 5, 0.02
-- A pipe, made by the boot of a machine that is to become a template with everything up (etc/kiln/boot), by which SSH's door lets
-- `finish` go on. It is gone when the door serves.
local pipe = '/run/kiln-template'
-- Of every clone's first boot, for `finish`.
local cloneMark = '/run/kiln-clone'

-- Says that all is ready, does `takeOn(identity)` when the host has said who this clone is, and gives the identity. What cannot be read
-- changes nothing.
local function await(depth, needed, takeOn)
  local writeMachineId = system.prepare('/etc/machine-id', { mode = 292 })
  local remember = instance.prepareClone()
  system.write(cloneMark, '')
  C.sync()
  templatePort.say(('READY %s %d'):format(depth, version))
  while true do
    local text, heardAt = templatePort.hear()
    local isDone, result = pcall(function()
      local identity = templateIdentity.parse(text, needed)
      -- First of all, so that nothing draws from the randomness that all clones have in common.
      system.setClock(identity.time + system.now() - heardAt)
      system.addRandomness(identity.seed)
      interface.setMac(identity['interface-mac'])
      takeOn(identity)
      writeMachineId(identity['machine-id'] .. '\n')
      remember(identity['instance-id'])
      return identity
    end)
    if isDone then return result end
    templatePort.say('ERROR ' .. tostring(result):gsub('%c', ' '))
  end
end

-- However long the identity was on its way: the host is asked until its answer comes soon, and the clock is right to half of that.
local function refineTime()
  local shortest
  for _ = 1, mostTries do
    local asked = system.now()
    templatePort.say 'TIME'
    local text, heardAt = templatePort.hear()
    local time, took = tonumber(text:match '^time=(%d+%.?%d*)\n'), heardAt - asked
    if time and (not shortest or took < shortest) then
      shortest = took
      system.setClock(time + took / 2 + system.now() - heardAt)
    end
    if shortest and shortest < soonSeconds then return end
  end
end

-- Waits before there is a network, and comes back for the boot to go on as that of any new instance.
function template.waitBeforeNetwork()
  templatePort.open()
  hostKey.removeAll()
  await('before-cloud-init', {}, function(identity) system.setHostname(identity.hostname) end)
  refineTime()
  templatePort.say 'UP'
end

local function resolverOf(identity)
  local lines = {}
  if identity['interface-domain'] then lines[1] = 'search ' .. identity['interface-domain'] .. '\n' end
  for _, server in ipairs(identity['interface-dns']) do lines[#lines + 1] = 'nameserver ' .. server .. '\n' end
  return table.concat(lines)
end

-- Opens all that is to be written, tells `finish` and the lease's hook before they look that the address will be there, and reads what the
-- first login needs of the disk into memory. Answers what takes an identity on.
local function prepare(listen)
  interface.prepare()
  for _, mark in ipairs { 'network', 'keeps-address', 'unidentified' } do system.write('/run/kiln-' .. mark, '') end
  system.run '/usr/sbin/dropbear -V >/dev/null 2>&1; cat /usr/sbin/dropbear /lib/*/lib*.so* >/dev/null 2>&1'
  local authorize = accounts.prepareKeys(system.read('/etc/kiln/login-user'):match '%S+')
  local write = {}
  for _, path in ipairs { '/etc/hostname', '/etc/hosts', '/etc/resolv.conf' } do write[path] = system.prepare(path, {}) end
  local writeHostKey = hostKey.prepare()
  return function(identity)
    local address = identity['interface-address']
    interface.bringUp(address.ip, address.length, identity['interface-gateway'], identity['interface-mtu'])
    writeHostKey(identity['ssh-host-key'])
    authorize(identity['login-key'])
    local short, files = userData.namesOf(identity.fqdn or identity.hostname)
    system.setHostname(short)
    files['/etc/resolv.conf'] = resolverOf(identity)
    for path, text in pairs(files) do write[path](text) end
    if identity['wait-for'] == 'ssh' then listen() end
  end
end

-- Waits with everything up but the network and SSH, and comes back when this is a server that lets in whoever has its key. `listen` opens
-- the door.
function template.becomeServer(listen)
  templatePort.open()
  local takeOn = prepare(listen)
  -- Comes back when `finish` waits at the other end.
  local finish = C.open(pipe, 1 + 524288)
  -- It writes to all of its memory: what this process shares with the one that made it would be copied in each clone.
  collectgarbage()
  local identity = await('booted', { 'interface-address', 'interface-gateway', 'ssh-host-key', 'wait-for' }, takeOn)
  refineTime()
  templatePort.say 'UP'
  system.remove(pipe)
  local order = identity['wait-for'] .. '\n'
  C.write(finish, order, #order)
  if identity['wait-for'] == 'ssh' then return end
  server.waitForReader(finish)
  listen()
end

-- The end of the pipe that tells by its being there that this process has not ended.
local held

-- Waits until this is a clone that has its identity, and does what is to be done for that besides.
function template.waitForIdentity()
  local order
  repeat
    held = assert(io.open(pipe, 're'))
    -- None when the process there has ended without an identity; init starts it again.
    order = held:read '*l'
    if not order then held:close() end
  until order
  -- Whoever looks whether SSH answers has the processor first.
  if order == 'ssh' then system.sleep(0.5) end
  report.say 'boot stage network'
  -- Neither keys nor user data may be another's after a power cut.
  C.sync()
  interface.allowIpv6()
  -- The lease goes on for what has its address already; the console's login shows another name.
  system.run '/etc/kiln/lease >/dev/null 2>&1 & killall getty'
end

return template
