-- Finds out what user data is, layer by layer, does what its #cloud-config parts say, and keeps its scripts for later.
local system = require 'system'
local report = require 'report'
local encoding = require 'encoding'
local mime = require 'mime'
local cloudConfig = require 'cloud-config'
local accounts = require 'accounts'
local userData = {}
local deepest = 8

-- Content types that settle the kind; of all others the content does.
local typeKinds = { ['text/x-shellscript'] = 'script', ['text/cloud-config'] = 'cloud-config' }
-- What cloud-init knows and nano does not, by its first word and by its type.
local foreign = {
  ['#include'] = 'an #include; nano fetches nothing', ['#include-once'] = 'an #include-once; nano fetches nothing',
  ['#cloud-boothook'] = 'a #cloud-boothook', ['#cloud-config-archive'] = 'a #cloud-config-archive',
  ['#cloud-config-jsonp'] = 'a #cloud-config-jsonp', ['#part-handler'] = 'a #part-handler',
  ['#upstart-job'] = 'an #upstart-job', ['##'] = 'a template',
  ['text/x-include-url'] = 'an #include; nano fetches nothing', ['text/x-include-once-url'] = 'an #include-once; nano fetches nothing',
  ['text/cloud-boothook'] = 'a #cloud-boothook', ['text/cloud-config-archive'] = 'a #cloud-config-archive',
  ['text/cloud-config-jsonp'] = 'a #cloud-config-jsonp', ['text/part-handler'] = 'a #part-handler',
  ['text/upstart-job'] = 'an #upstart-job', ['text/jinja2'] = 'a template',
}

local function toUnixLines(text)
  local first = text:match '^[^\n]*'
  return first:sub(-1) == '\r' and text:gsub('\r\n', '\n') or text
end

-- The leaves of user data: {kind = 'script' | 'cloud-config', content, label}. What is neither is told.
local function findParts(bytes)
  local parts, messages = {}, 0

  local function unpack(content, label, declared, depth)
    local function complain(text)
      report.ofUserData(label .. text .. ': ignored')
    end
    if depth > deepest then return complain(('wrapped more than %d times'):format(deepest)) end
    if encoding.isGzip(content) then
      local plain = encoding.gunzip(content)
      if not plain then return complain 'damaged gzip' end
      return unpack(plain, label, declared, depth + 1)
    end
    if not typeKinds[declared] and mime.isMessage(content) then
      return mime.walk(content, function(leaf)
        messages = messages + 1
        local name = ('part %d%s: '):format(messages, leaf.name and ' (' .. leaf.name .. ')' or '')
        if foreign[leaf.type] then
          return report.ofUserData(name .. foreign[leaf.type] .. ', which nano does not understand: ignored')
        end
        unpack(leaf.content, name, leaf.type, depth + 1)
      end, complain)
    end
    content = toUnixLines(content)
    local kind = typeKinds[declared]
    local first = content:match '^[^%s]*'
    if content:sub(1, 2) == '#!' then kind = 'script' end
    if first == '#cloud-config' then kind = 'cloud-config' end
    if kind == 'script' and content:sub(1, 2) ~= '#!' then return complain 'a script that does not begin with #!' end
    if kind then
      parts[#parts + 1] = { kind = kind, content = content, label = label }
      return
    end
    if foreign[first] then return complain(foreign[first] .. ', which nano does not understand') end
    if not content:find '%S' then return end
    local decoded = encoding.decodeBase64(content)
    if decoded and decoded ~= '' then return unpack(decoded, label, declared, depth + 1) end
    complain(('of a kind that nano does not understand, it begins with "%s"'):format(content:match('^[^\n]*'):sub(1, 60)))
  end

  unpack(bytes, '', nil, 1)
  return parts
end

-- The #cloud-config of all parts: of a key that several have the last one counts, as in cloud-init.
local function mergeConfigs(parts)
  local merged = {}
  for _, part in ipairs(parts) do
    if part.kind == 'cloud-config' then
      local function complain(line, text)
        report.ofUserData(part.label .. (line and ('line %d: '):format(line) or '') .. text)
      end
      for key, value in pairs(cloudConfig.read(part.content, complain)) do
        if merged[key] then report.ofUserData(('%s%s takes the place of the one before'):format(part.label, key)) end
        merged[key] = value
      end
    end
  end
  return merged
end

local function attempt(what, action, ...)
  local isDone, problem = pcall(action, ...)
  if not isDone then report.ofUserData(('%s: %s'):format(what, tostring(problem))) end
end

local function writeFile(file)
  local owner = file.owner or { user = 'root' }
  local account = accounts.find(owner.user)
  if not account then error('there is no user ' .. owner.user, 0) end
  local gid = account.gid
  if owner.group then
    gid = accounts.findGroup(owner.group) or error('there is no group ' .. owner.group, 0)
  end
  local directory = file.path:match '^(.+)/'
  if directory then system.makeDirectory(directory) end
  system.write(file.path, file.content, { mode = file.permissions or 420, uid = account.uid, gid = gid, append = file.append })
end

-- The short one of a name, and what the files that name the machine say.
function userData.namesOf(name)
  local short = name:match '^[^.]+'
  local names = name == short and name or name .. ' ' .. short
  return short, { ['/etc/hostname'] = short .. '\n', ['/etc/hosts'] = '127.0.0.1 localhost\n127.0.1.1 ' .. names .. '\n' }
end

-- Names the machine, in /etc/hosts too.
function userData.setHostname(name)
  local short, files = userData.namesOf(name)
  system.setHostname(short)
  for path, text in pairs(files) do system.write(path, text) end
end

-- Does at once what the #cloud-config parts ask for and writes the scripts, runcmd last, into `directory`, in the order of their names.
function userData.apply(bytes, directory, loginUser)
  local parts = findParts(bytes)
  local config = mergeConfigs(parts)
  if config.hostname then attempt('hostname', userData.setHostname, config.hostname) end
  for _, user in ipairs(config.users or {}) do
    attempt('user ' .. user.name, function()
      if not accounts.ensure(user) then report.ofUserData(('user %s was there: only groups, sudo and keys are added'):format(user.name)) end
    end)
  end
  if config.ssh_authorized_keys then attempt('ssh_authorized_keys', accounts.authorize, loginUser, config.ssh_authorized_keys) end
  for _, file in ipairs(config.write_files or {}) do attempt('write_files ' .. file.path, writeFile, file) end
  system.makeDirectory(directory, 448)
  local count = 0
  local function keepScript(name, content)
    count = count + 1
    system.write(('%s/%03d-%s'):format(directory, count, name), content, { mode = 448 })
  end
  for _, part in ipairs(parts) do
    if part.kind == 'script' then keepScript('script', part.content) end
  end
  if config.runcmd and #config.runcmd > 0 then
    keepScript('runcmd', '#!/bin/sh\n' .. table.concat(config.runcmd, '\n') .. '\n')
  end
end

-- nano has no bash; its sh understands much of it.
local function commandFor(path)
  local interpreter, argument = (system.read(path):match '^#!%s*([^\n]*)' or ''):match '^(%S*)%s*(%S*)'
  local program = interpreter and interpreter:match '[^/]*$'
  if program == 'env' then program = argument end
  if program == 'bash' and not (system.isExecutable '/bin/bash' or system.isExecutable '/usr/bin/bash') then
    report.ofUserData 'there is no bash on nano, busybox sh runs the script instead'
    return '/bin/sh ' .. system.quote(path)
  end
  if program ~= argument and not system.isExecutable(interpreter) then return nil, interpreter end
  return system.quote(path)
end

-- Runs the scripts of a directory one after the other; one that fails is told and does not keep the others from running.
function userData.runScripts(directory)
  for count = 1, 999 do
    local path, label
    for _, name in ipairs { 'script', 'runcmd' } do
      local candidate = ('%s/%03d-%s'):format(directory, count, name)
      if system.exists(candidate) then path, label = candidate, name == 'runcmd' and name or 'script ' .. count end
    end
    if not path then return end
    local command, missing = commandFor(path)
    if not command then
      report.ofUserData(('%s: there is no %s: not run'):format(label, missing))
    else
      local code = system.run('cd / && exec ' .. command .. ' </dev/null')
      if code ~= 0 then report.ofUserData(('%s failed with exit code %d'):format(label, code)) end
    end
  end
end

return userData
