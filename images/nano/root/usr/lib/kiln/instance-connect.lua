-- The public keys that SendSSHPublicKey has pushed: the metadata service tells them for a minute.
local accounts = require 'accounts'
local metadata = require 'metadata'
local instanceConnect = {}
local directory = 'meta-data/managed-ssh-keys/active-keys'
local mark = ' kiln:ec2-instance-connect'

-- Keys by user. Whoever waits for SSH does not wait for a service that is silent.
local function readKeys()
  local keys = {}
  local get = metadata.isExpected() and metadata.glance(2)
  local users = get and get(directory) or ''
  for user in users:gmatch '[^\n]+' do
    keys[user] = {}
    for line in (get(directory .. '/' .. user) or ''):gmatch '[^\n]+' do
      if not line:find '^#' then table.insert(keys[user], line .. mark) end
    end
  end
  return keys
end

-- Every user's authorized_keys has just the keys that are good now, besides its own.
function instanceConnect.refresh()
  local isRead, keys = pcall(readKeys)
  for _, name in ipairs(accounts.names()) do accounts.mark(name, mark, isRead and keys[name] or {}) end
end

return instanceConnect
