-- Speaks IMDSv2.
local system = require 'system'
local report = require 'report'
local metadata = {}
local address = '169.254.169.254'
local answerSeconds = 10
local tokenHeader = 'X-aws-ec2-metadata-token: '

-- Status and body of one request; nil when there is no answer, or half of one.
local function ask(method, path, header, limitSeconds)
  local request = ('%s /latest/%s HTTP/1.0\r\nHost: %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n'):format(
    method, path, address, header and header .. '\r\n' or '')
  local answer = system.askPort80(address, request, limitSeconds or answerSeconds)
  if not answer then return nil end
  local status, headers, body = answer:match '^HTTP/%S+ (%d+)(.-)\r\n\r\n(.*)$'
  if not status then return nil end
  local length = headers:lower():match '\ncontent%-length: *(%d+)'
  if length and #body ~= tonumber(length) then return nil end
  return tonumber(status), body
end

local function askToken(limitSeconds)
  return ask('PUT', 'api/token', tokenHeader:gsub(': $', '-ttl-seconds: 21600'), limitSeconds)
end

-- For who cannot wait: a function that gives the body of a path, or nil; nil itself when the service does not answer.
function metadata.glance(limitSeconds)
  local status, token = askToken(limitSeconds)
  if status ~= 200 then return nil end
  return function(path)
    local found, body = ask('GET', path, tokenHeader .. token, limitSeconds)
    return found == 200 and body or nil
  end
end

-- A client of the service, or nil and 'refused' (it will not answer) or 'silent' (it has not answered within `limitSeconds`).
function metadata.open(limitSeconds)
  local deadline = system.now() + limitSeconds
  local hasWaited = false
  local client, status = {}, nil
  while true do
    status, client.token = askToken()
    if status == 200 then break end
    if status and status < 500 then
      if status == 403 then report.say 'metadata: the service is disabled for this instance' end
      if status ~= 403 then report.say('metadata: the service refuses with status ' .. status) end
      return nil, 'refused'
    end
    if system.now() >= deadline then return nil, 'silent' end
    if not hasWaited then report.say(('metadata: no answer from %s, asking for %d s'):format(address, limitSeconds)) end
    hasWaited = true
    system.sleep(0.25)
  end
  -- The body of a path; nil where the service has none. Throws when there is no answer.
  function client.get(path)
    for _ = 1, 20 do
      local status, body = ask('GET', path, tokenHeader .. client.token)
      if status == 200 then return body end
      if status == 404 then return nil end
      -- The daemon was started again and knows no token of before.
      if status == 401 then
        local renewed, token = askToken()
        if renewed == 200 then client.token = token end
      elseif status and status < 500 then
        error(('metadata: %s is refused with status %d'):format(path, status), 0)
      end
      system.sleep(0.25)
    end
    error(('metadata: no answer for %s'):format(path), 0)
  end
  return client
end

-- Only where the firmware says so, as cloud-init does it: elsewhere the address may be somebody else's.
function metadata.isExpected()
  return (system.read '/sys/class/dmi/id/product_serial' or ''):lower():find '^ec2' ~= nil
end

return metadata
