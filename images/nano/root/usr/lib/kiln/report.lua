-- What a user should see: on the console (so in `kiln logs` and GetConsoleOutput) and, of user data, in a log file too.
local system = require 'system'
local report = { log = '/var/log/user-data.log' }

-- Where lines go: both places unless whoever started us copies standard output there.
local isCopied = os.getenv 'KILN_OUTPUT_IS_COPIED' ~= nil

local function write(path, line)
  local file = io.open(path, 'ab')
  if not file then return end
  file:write(line, '\n')
  file:close()
end

-- Control characters of a foreign text must not reach a terminal.
local function printable(text) return (text:gsub('[%c\127]', ' ')) end

function report.say(text)
  local line = 'kiln: ' .. printable(text)
  if isCopied then
    io.stdout:write(line, '\n')
    io.stdout:flush()
  else
    write('/dev/console', line)
  end
end

function report.ofUserData(text)
  report.say('user data: ' .. text)
  if not isCopied then
    write(report.log, 'kiln: user data: ' .. printable(text))
    system.setMode(report.log, 384)
  end
end

return report
