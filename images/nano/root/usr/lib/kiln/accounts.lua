-- Users and groups in /etc/passwd, /etc/group and /etc/shadow, and the keys that let them in.
local system = require 'system'
local accounts = {}

local function readLines(path)
  local lines = {}
  for line in (system.read(path) or ''):gmatch '[^\n]+' do lines[#lines + 1] = line end
  return lines
end

-- A new file in the place of the old: nobody meets half of it.
local function replace(path, text, mode)
  system.write(path .. '.new', text, { mode = mode })
  os.rename(path .. '.new', path)
end

local function append(path, line, mode) replace(path, (system.read(path) or '') .. line .. '\n', mode) end

-- {uid, gid, home} of a user; nil when there is none.
function accounts.find(name)
  for _, line in ipairs(readLines '/etc/passwd') do
    local found, uid, gid, home = line:match '^([^:]+):[^:]*:(%d+):(%d+):[^:]*:([^:]*):'
    if found == name then return { uid = tonumber(uid), gid = tonumber(gid), home = home } end
  end
end

-- The number of a group; nil when there is none.
function accounts.findGroup(name)
  for _, line in ipairs(readLines '/etc/group') do
    local found, gid = line:match '^([^:]+):[^:]*:(%d+):'
    if found == name then return tonumber(gid) end
  end
end

local function freeNumber(from, path)
  local taken = {}
  for _, line in ipairs(readLines(path)) do taken[tonumber(line:match '^[^:]+:[^:]*:(%d+)') or -1] = true end
  while taken[from] do from = from + 1 end
  return from
end

local function ensureGroup(name, wanted, from)
  local gid = accounts.findGroup(name)
  if gid then return gid end
  gid = wanted or freeNumber(from, '/etc/group')
  append('/etc/group', ('%s:x:%d:'):format(name, gid), 420)
  return gid
end

local function joinGroup(user, group)
  local lines = readLines '/etc/group'
  for index, line in ipairs(lines) do
    local head, members = line:match '^([^:]+:[^:]*:%d+:)(.*)$'
    if head and head:find('^' .. group:gsub('%-', '%%-') .. ':') and not (',' .. members .. ','):find(',' .. user .. ',', 1, true) then
      lines[index] = head .. (members == '' and user or members .. ',' .. user)
    end
  end
  replace('/etc/group', table.concat(lines, '\n') .. '\n', 420)
end

-- Opens ~/.ssh/authorized_keys for keys that are to be added; what this answers adds them. Those that are there stay once.
function accounts.prepareKeys(name)
  local account = accounts.find(name)
  if not account then error('there is no user ' .. name, 0) end
  local directory = account.home .. '/.ssh'
  local path = directory .. '/authorized_keys'
  system.makeDirectory(directory, 448, account.uid, account.gid)
  local text = system.read(path) or ''
  local write = system.prepare(path, { append = true, mode = 384, uid = account.uid, gid = account.gid })
  return function(keys)
    local present = '\n' .. text
    local added = (text == '' or text:sub(-1) == '\n') and '' or '\n'
    for _, key in ipairs(keys) do
      if not (present .. added):find('\n' .. key .. '\n', 1, true) then added = added .. key .. '\n' end
    end
    write(added)
  end
end

function accounts.authorize(name, keys) accounts.prepareKeys(name)(keys) end

-- Names of all users.
function accounts.names()
  local names = {}
  for _, line in ipairs(readLines '/etc/passwd') do names[#names + 1] = line:match '^[^:]+' end
  return names
end

-- Makes `keys` the only lines of ~/.ssh/authorized_keys that end in `mark`; the others stay as they are.
function accounts.mark(name, mark, keys)
  local account = accounts.find(name)
  local directory = account.home .. '/.ssh'
  local path = directory .. '/authorized_keys'
  local present = system.read(path)
  local lines = {}
  for line in (present or ''):gmatch '[^\n]+' do
    if line:sub(-#mark) ~= mark then lines[#lines + 1] = line .. '\n' end
  end
  for _, key in ipairs(keys) do lines[#lines + 1] = key .. '\n' end
  local text = table.concat(lines)
  local isUnmarked = #keys == 0 and not (present or ''):find(mark .. '\n', 1, true)
  if isUnmarked or text == present then return end
  system.makeDirectory(directory, 448, account.uid, account.gid)
  system.write(path .. '.new', text, { mode = 384, uid = account.uid, gid = account.gid })
  os.rename(path .. '.new', path)
end

-- Makes a user of #cloud-config, or adds groups, sudo rules and keys to one who is there.
function accounts.ensure(user)
  local isNew = accounts.find(user.name) == nil
  if isNew then
    local first = user.system and 100 or 1000
    local uid = user.uid or freeNumber(first, '/etc/passwd')
    local group = user.primary_group or user.name
    local gid = ensureGroup(group, not accounts.findGroup(group) and freeNumber(uid, '/etc/group') or nil, first)
    local home = user.homedir or '/home/' .. user.name
    append('/etc/passwd', table.concat({ user.name, 'x', uid, gid, user.gecos or '', home, user.shell or '/bin/sh' }, ':'), 420)
    local hash = user.hashed_passwd or user.passwd
    -- `*` is no password but lets keys in; a locked hash keeps its `!`.
    local password = not hash and '*' or (user.lock_passwd ~= false and '!' .. hash or hash)
    append('/etc/shadow', table.concat({ user.name, password, '19000:0:99999:7:::' }, ':'), 384)
    if not (user.no_create_home or user.system) then system.makeDirectory(home, 493, uid, gid) end
  end
  for _, group in ipairs(user.groups or {}) do
    ensureGroup(group, nil, 1000)
    joinGroup(user.name, group)
  end
  if user.sudo and #user.sudo > 0 then
    local rules = {}
    for _, rule in ipairs(user.sudo) do rules[#rules + 1] = user.name .. ' ' .. rule .. '\n' end
    system.write('/etc/sudoers.d/user-' .. user.name, table.concat(rules), { mode = 288 })
  end
  if user.ssh_authorized_keys then accounts.authorize(user.name, user.ssh_authorized_keys) end
  return isNew
end

return accounts
