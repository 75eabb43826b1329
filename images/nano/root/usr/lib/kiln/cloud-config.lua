-- Reads a `#cloud-config` into what is to be done. Whatever is not understood is told to `complain(line, text)`, never passed over.
local yamlTree = require 'yaml-tree'
local encoding = require 'encoding'
local cloudConfig = {}

local truths = { ['true'] = true, yes = true, on = true, y = true, ['false'] = false, no = false, off = false, n = false }
local contentDecoders = {
  b64 = { encoding.decodeBase64 },
  gz = { encoding.gunzip },
  ['gz+b64'] = { encoding.decodeBase64, encoding.gunzip },
  ['text/plain'] = {},
}
contentDecoders.base64 = contentDecoders.b64
contentDecoders.gzip = contentDecoders.gz
for _, name in ipairs { 'gz+base64', 'gzip+b64', 'gzip+base64' } do contentDecoders[name] = contentDecoders['gz+b64'] end

-- A reader gives the value of a node, or nil and what it should have been.
local read = {}

function read.text(node)
  if node.kind ~= 'scalar' or node.isNull then return nil, 'a text' end
  return node.value
end

function read.truth(node)
  local value = node.kind == 'scalar' and truths[node.value:lower()]
  if type(value) ~= 'boolean' then return nil, 'true or false' end
  return value
end

function read.number(node)
  if node.kind ~= 'scalar' or not node.value:find '^%d+$' then return nil, 'a number' end
  return tonumber(node.value)
end

function read.mode(node)
  local digits = node.kind == 'scalar' and node.value:match '^0?o?([0-7]+)$'
  if not digits or #digits > 4 then return nil, 'an octal mode such as "0644"' end
  return tonumber(digits, 8)
end

-- A path that a user can mean: absolute.
function read.path(node)
  if node.kind ~= 'scalar' or not node.value:find '^/[^%z]*[^/%z]$' then return nil, 'an absolute path' end
  return node.value
end

function read.accountName(node)
  if node.kind ~= 'scalar' or not node.value:find '^[a-z_][a-z0-9_-]*$' or #node.value > 32 then
    return nil, 'a name of lower-case letters, digits, - and _'
  end
  return node.value
end

-- One line that may stand in /etc/passwd or /etc/shadow.
function read.field(node)
  if node.kind ~= 'scalar' or node.value:find '[:%c]' then return nil, 'a line without colons' end
  return node.value
end

function read.owner(node)
  local user, group = (node.kind == 'scalar' and node.value or ''):match '^([%w_.-]+):?([%w_.-]*)$'
  if not user then return nil, '"user:group"' end
  return { user = user, group = group ~= '' and group or nil }
end

function read.encoding(node)
  local decoders = node.kind == 'scalar' and contentDecoders[node.value:lower()]
  if not decoders then return nil, 'b64, gz, gz+b64 or text/plain' end
  return decoders
end

function read.line(node)
  if node.kind ~= 'scalar' or node.isNull or node.value:find '[%z\n\r]' then return nil, 'one line' end
  return node.value
end

-- A list of lines; one line alone will do.
function read.lines(node)
  if node.kind == 'scalar' then
    local value, wanted = read.line(node)
    if not value then return nil, wanted end
    return { value }
  end
  if node.kind ~= 'list' then return nil, 'a list of lines' end
  local values = {}
  for _, item in ipairs(node.items) do
    local value = read.line(item)
    if not value then return nil, 'a list of lines' end
    values[#values + 1] = value
  end
  return values
end

function read.hostname(node)
  local name = node.kind == 'scalar' and node.value or ''
  if #name > 64 or not name:find '^%w[%w.-]*$' or name:find '[.-]$' or name:find('..', 1, true) then
    return nil, 'a host name of letters, digits, - and .'
  end
  return name
end

function read.groups(node)
  local names = {}
  local nodes = node.kind == 'list' and node.items or { node }
  for _, item in ipairs(nodes) do
    if item.kind ~= 'scalar' then return nil, 'a list of group names' end
    for name in item.value:gmatch '[^,%s]+' do
      if not name:find '^[a-z_][a-z0-9_-]*$' then return nil, 'a list of group names' end
      names[#names + 1] = name
    end
  end
  return names
end

-- false and null mean none.
function read.rules(node)
  if node.isNull or (node.kind == 'scalar' and truths[node.value:lower()] == false) then return {} end
  return read.lines(node)
end

-- Reads a mapping by a table of readers; a value that cannot be read and a key that nobody knows are told and left out.
local function readMapping(node, readers, complain, where)
  local values = {}
  if node.kind ~= 'mapping' then
    complain(node.line, where .. ' is not a mapping of keys: ignored')
    return values
  end
  for _, entry in ipairs(node.entries) do
    local reader = readers[entry.key]
    if not reader then
      complain(entry.line, ('the key "%s" of %s is not understood: ignored'):format(entry.key or '?', where))
    else
      local value, wanted = reader(entry.node, complain)
      if value == nil then
        complain(entry.node.line, ('%s of %s is not %s: ignored'):format(entry.key, where, wanted))
      else
        values[entry.key] = value
      end
    end
  end
  return values
end

local userReaders = {
  name = read.accountName, gecos = read.field, homedir = read.path, primary_group = read.accountName,
  groups = read.groups, shell = read.path, sudo = read.rules, ssh_authorized_keys = read.lines,
  lock_passwd = read.truth, passwd = read.field, hashed_passwd = read.field, no_create_home = read.truth,
  uid = read.number, system = read.truth,
}

local fileReaders = {
  path = read.path, content = read.text, encoding = read.encoding, permissions = read.mode, owner = read.owner,
  append = read.truth,
  -- Files are written after users are made in any case.
  defer = read.truth,
}

local function readUsers(node, complain)
  if node.kind ~= 'list' then return nil, 'a list' end
  local users = {}
  for _, item in ipairs(node.items) do
    local user
    if item.kind == 'scalar' then
      local name, wanted = read.accountName(item)
      if not name then complain(item.line, 'a user is not ' .. wanted .. ': ignored') end
      user = { name = name }
    else
      user = readMapping(item, userReaders, complain, 'a user')
      if not user.name then complain(item.line, 'a user without a name: ignored') end
    end
    user.line = item.line
    -- The login user is there by itself.
    if user.name and user.name ~= 'default' then users[#users + 1] = user end
  end
  return users
end

local function readFiles(node, complain)
  if node.kind ~= 'list' then return nil, 'a list' end
  local files = {}
  for _, item in ipairs(node.items) do
    local file = readMapping(item, fileReaders, complain, 'a file')
    file.line, file.content = item.line, file.content or ''
    for _, decode in ipairs(file.encoding or {}) do file.content = file.content and decode(file.content) end
    if not file.content then
      complain(item.line, 'the content of a file is not of the encoding it says: not written')
    elseif not file.path then
      complain(item.line, 'a file without a path: not written')
    else
      files[#files + 1] = file
    end
  end
  return files
end

-- Commands as lines of a shell script, as cloud-init writes them: a list is one program and its arguments.
local function readCommands(node, complain)
  if node.kind ~= 'list' then return nil, 'a list' end
  local lines = {}
  for _, item in ipairs(node.items) do
    if item.kind == 'scalar' and not item.isNull then
      lines[#lines + 1] = item.value
    elseif item.kind == 'list' then
      local words = {}
      for _, word in ipairs(item.items) do
        if word.kind == 'scalar' then words[#words + 1] = "'" .. word.value:gsub("'", [['\'']]) .. "'" end
      end
      if #words == #item.items and #words > 0 then
        lines[#lines + 1] = table.concat(words, ' ')
      else
        complain(item.line, 'a command is a list with something else than words in it: not run')
      end
    elseif not item.isNull then
      complain(item.line, 'a command is neither a line nor a list of words: not run')
    end
  end
  return lines
end

local topReaders = {
  hostname = read.hostname, users = readUsers, ssh_authorized_keys = read.lines, write_files = readFiles,
  runcmd = readCommands,
}

-- What a text asks for: hostname, users, ssh_authorized_keys, write_files, runcmd, each absent when it does not say it.
function cloudConfig.read(text, complain)
  local isRead, tree = pcall(yamlTree.parse, text, complain)
  if not isRead then
    complain(nil, 'not YAML, nothing of it is done: ' .. tostring(tree))
    return {}
  end
  if not tree or tree.isNull then return {} end
  return readMapping(tree, topReaders, complain, '#cloud-config')
end

return cloudConfig
