-- MIME messages (RFC 2045, 2046), as far as `cloud-init devel make-mime` and mail libraries write them.
local encoding = require 'encoding'
local mime = {}

-- Headers in lower case, folded lines joined, and the body.
local function readHead(text)
  local headers, position, last = {}, 1, nil
  while position <= #text do
    local lineEnd = text:find('\n', position, true) or #text + 1
    local line = text:sub(position, lineEnd - 1):gsub('\r$', '')
    position = lineEnd + 1
    if line == '' then break end
    local name, value = line:match '^([%w%-]+):%s*(.*)$'
    if name then
      last = name:lower()
      headers[last] = value
    elseif last and line:find '^%s' then
      headers[last] = headers[last] .. ' ' .. line:gsub('^%s+', '')
    elseif not line:find '^From ' then
      break
    end
  end
  return headers, text:sub(position)
end

local function parameterOf(header, name)
  local lower = header:lower()
  local _, start = lower:find('[;%s]' .. name .. '%s*=%s*')
  if not start then return nil end
  return header:match('^"([^"]*)"', start + 1) or header:match('^[^;%s]+', start + 1)
end

-- Begins with a header line and says somewhere in its head what it is.
function mime.isMessage(text)
  local head = text:sub(1, 4096):lower()
  if not (head:find '^[%w%-]+:%s' or head:find '^from ') then return false end
  return ('\n' .. head):find '\nmime%-version:' ~= nil or ('\n' .. head):find '\ncontent%-type:' ~= nil
end

-- Line ends before a boundary belong to it.
local function splitParts(body, boundary)
  local parts, start = {}, nil
  local position = 1
  while position <= #body do
    local lineEnd = body:find('\n', position, true) or #body + 1
    local line = body:sub(position, lineEnd - 1):gsub('%s+$', '')
    local isEnd = line == '--' .. boundary .. '--'
    if isEnd or line == '--' .. boundary then
      if start then parts[#parts + 1] = body:sub(start, position - 1):gsub('\r?\n$', '') end
      start = lineEnd + 1
      if isEnd then return parts end
    end
    position = lineEnd + 1
  end
  if start then parts[#parts + 1] = body:sub(start) end
  return parts
end

local decoders = {
  base64 = encoding.decodeBase64,
  ['quoted-printable'] = encoding.decodeQuotedPrintable,
  ['7bit'] = function(text) return text end,
  ['8bit'] = function(text) return text end,
  binary = function(text) return text end,
}

-- Calls `take{type, name, content}` for each leaf of a message, and `complain` with what cannot be read.
function mime.walk(text, take, complain)
  local headers, body = readHead(text)
  local header = headers['content-type'] or 'text/plain'
  local kind = header:lower():match '^[%w/%-+.]+' or 'text/plain'
  if kind:find '^multipart/' then
    local boundary = parameterOf(header, 'boundary')
    if not boundary then return complain 'a multipart message that names no boundary' end
    local parts = splitParts(body, boundary)
    if #parts == 0 then return complain(('a multipart message without its boundary "%s"'):format(boundary)) end
    for _, part in ipairs(parts) do mime.walk(part, take, complain) end
    return
  end
  local transfer = (headers['content-transfer-encoding'] or '7bit'):lower():match '^[%w%-]+' or ''
  local decode = decoders[transfer]
  if not decode then return complain(('a part of the unknown transfer encoding "%s"'):format(transfer)) end
  local content = decode(body)
  if not content then return complain 'a part that is not the base64 it says it is' end
  take { type = kind, name = parameterOf(headers['content-disposition'] or '', 'filename'), content = content }
end

return mime
