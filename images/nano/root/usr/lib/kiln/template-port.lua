-- The virtio-serial port between a template's guest and the host. Whatever happens to the host's side of it, the guest goes on listening:
-- a clone's is another one than the template's.
local ffi = require 'ffi'
local C = ffi.C
local system = require 'system'
local templatePort = {}
local name = 'org.kiln.template.0'
local readAndWrite, closeOnExec = 2, 524288
local longest = 65536
local file

local function findDevice()
  local pipe = io.popen('grep -lx ' .. name .. ' /sys/class/virtio-ports/*/name 2>/dev/null')
  local path = pipe:read '*l'
  pipe:close()
  return path and path:match '/virtio%-ports/([^/]+)/name$'
end

-- The driver finds its ports a moment after it was loaded.
function templatePort.open()
  local device
  for _ = 1, 200 do
    device = findDevice()
    if device then break end
    system.sleep(0.05)
  end
  file = device and C.open('/dev/' .. device, readAndWrite + closeOnExec) or -1
  if file < 0 then error('there is no port ' .. name, 0) end
end

function templatePort.say(line)
  local rest = line .. '\n'
  while rest ~= '' do
    local length = tonumber(C.write(file, rest, #rest))
    if length > 0 then rest = rest:sub(length + 1) else system.sleep(0.001) end
  end
end

-- The next text that ends with a line END, and when its last piece came, by system.now().
function templatePort.hear()
  local buffer = ffi.new('uint8_t[?]', 4096)
  local text = ''
  while not ('\n' .. text):find '\nEND\n$' do
    local length = tonumber(C.read(file, buffer, 4096))
    if length > 0 then text = text .. ffi.string(buffer, length) else system.sleep(0.001) end
    if #text > longest then error('the identity is too long', 0) end
  end
  return text, system.now()
end

return templatePort
