-- The encodings that user data and its parts come in.
local system = require 'system'
local encoding = {}

local digits = {}
for index = 1, 64 do
  digits[('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'):byte(index)] = index - 1
end

-- The bytes of a base64 text, white space ignored; nil when it is none.
function encoding.decodeBase64(text)
  text = text:gsub('%s+', '')
  local body, padding = text:match '^([%w+/]*)(=*)$'
  if not body or #body % 4 == 1 or (padding ~= '' and (#body + #padding) % 4 ~= 0) or #padding > 2 then return nil end
  local pieces, held, bits = {}, 0, 0
  for index = 1, #body do
    held, bits = held * 64 + digits[body:byte(index)], bits + 6
    if bits >= 8 then
      bits = bits - 8
      local unit = 2 ^ bits
      local byte = math.floor(held / unit)
      pieces[#pieces + 1] = string.char(byte)
      held = held - byte * unit
    end
  end
  return table.concat(pieces)
end

function encoding.decodeQuotedPrintable(text)
  return (text:gsub('=[ \t]*\r?\n', ''):gsub('=(%x%x)', function(hex) return string.char(tonumber(hex, 16)) end))
end

function encoding.isGzip(bytes) return bytes:sub(1, 2) == '\31\139' end

-- The content of gzip bytes; nil when they are damaged.
function encoding.gunzip(bytes)
  local packed, plain = os.tmpname(), os.tmpname()
  system.write(packed, bytes)
  local code = system.run(('gzip -dc <%s >%s 2>/dev/null'):format(packed, plain))
  local content = code == 0 and system.read(plain) or nil
  system.remove(packed)
  system.remove(plain)
  return content
end

return encoding
