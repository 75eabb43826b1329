-- What the host says to a clone of a template: lines of `key=value`, and END.
local templateIdentity = {}

local function fromHex(text) return (text:gsub('%x%x', function(digits) return string.char(tonumber(digits, 16)) end)) end
local function bytesOf(count)
  return function(text) return #text == count * 2 and not text:find '%X' and fromHex(text) or nil end
end
local function matching(pattern)
  return function(text) return text:match('^' .. pattern .. '$') end
end
local function ipOf(text)
  local bytes = { text:match '^(%d+)%.(%d+)%.(%d+)%.(%d+)$' }
  for _, byte in ipairs(bytes) do
    if tonumber(byte) > 255 then return nil end
  end
  return #bytes == 4 and text or nil
end

-- Each gives what a value means; nil when it means nothing.
local readers = {
  version = matching '1',
  ['instance-id'] = matching 'i%-%x+',
  time = function(text) return text:find '^%d+%.?%d*$' and tonumber(text) or nil end,
  seed = bytesOf(64),
  ['machine-id'] = function(text) return #text == 32 and text:match '^[%da-f]+$' or nil end,
  hostname = matching '%w[%w-]*',
  fqdn = matching '%w[%w.-]*',
  ['interface-mac'] = matching '%x%x:%x%x:%x%x:%x%x:%x%x:%x%x',
  ['interface-address'] = function(text)
    local ip, length = text:match '^([%d.]+)/(%d%d?)$'
    return ip and ipOf(ip) and tonumber(length) <= 32 and { ip = ip, length = tonumber(length) } or nil
  end,
  ['interface-gateway'] = ipOf,
  ['interface-dns'] = ipOf,
  ['interface-domain'] = matching '%w[%w.-]*',
  ['interface-mtu'] = function(text) return text:find '^%d+$' and tonumber(text) or nil end,
  ['login-key'] = matching '%w[^%c]+',
  ['ssh-host-key'] = bytesOf(64),
  ['wait-for'] = function(text) return (text == 'ssh' or text == 'cloud-init') and text or nil end,
}
local lists = { ['interface-dns'] = true, ['login-key'] = true }
-- Without these a server is none of its own, at whatever depth.
local always = { 'version', 'instance-id', 'time', 'seed', 'machine-id', 'hostname', 'interface-mac' }

-- The identity as a table by the names of its keys; what may come several times is a list. Keys that nobody knows are passed over. Throws a
-- text when something is not what it should be or, of `always` and `needed`, is not there.
function templateIdentity.parse(text, needed)
  local identity = {}
  for key in pairs(lists) do identity[key] = {} end
  for line in text:gmatch '[^\n]+' do
    local key, written = line:match '^([^=]+)=(.*)$'
    local read = key and readers[key]
    if read then
      local value = read(written)
      -- Not the value itself: some are secrets.
      if value == nil then error(('the value of %s is not what it should be'):format(key), 0) end
      if lists[key] then table.insert(identity[key], value) else identity[key] = value end
    end
  end
  for _, keys in ipairs { always, needed } do
    for _, key in ipairs(keys) do
      if identity[key] == nil then error(key .. ' is missing', 0) end
    end
  end
  return identity
end

return templateIdentity
