-- dropbear's host keys.
local system = require 'system'
local hostKey = { path = '/etc/dropbear/dropbear_ed25519_host_key' }
local kinds = { 'ed25519', 'ecdsa', 'rsa' }

-- A string of SSH's wire format: its length in four bytes, most significant first.
local function wireString(bytes)
  local length = #bytes
  return string.char(math.floor(length / 2 ^ 24), math.floor(length / 2 ^ 16) % 256, math.floor(length / 256) % 256, length % 256) .. bytes
end

-- What dropbear keeps of an Ed25519 key: the 32 bytes of its seed and the 32 of its public half.
function hostKey.encode(seedAndPublic) return wireString 'ssh-ed25519' .. wireString(seedAndPublic) end

function hostKey.removeAll()
  for _, kind in ipairs(kinds) do system.remove('/etc/dropbear/dropbear_' .. kind .. '_host_key') end
end

-- Opens the file for a key that is to be the only one; what this answers writes it.
function hostKey.prepare()
  hostKey.removeAll()
  local write = system.prepare(hostKey.path, { mode = 384 })
  return function(seedAndPublic) write(hostKey.encode(seedAndPublic)) end
end

-- The key exists before the first login asks for it.
function hostKey.ensure()
  if not system.exists(hostKey.path) then system.run('dropbearkey -t ed25519 -f ' .. hostKey.path .. ' >/dev/null 2>&1') end
end

return hostKey
