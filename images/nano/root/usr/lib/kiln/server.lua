-- What inetd is: a process for each connection, with the connection as its standard input and output.
local ffi = require 'ffi'
local C = ffi.C
require 'system'
ffi.cdef [[
int bind(int socket, const void *address, unsigned length);
int listen(int socket, int backlog);
int accept(int socket, void *address, void *length);
int dup2(int from, int to);
int fork(void);
int pipe2(int *ends, int flags);
void *signal(int number, intptr_t handler);
int execv(const char *path, const char *const *arguments);
struct kiln_poll { int file; short wanted, found; };
int poll(struct kiln_poll *files, unsigned long count, int milliseconds);
]]
local server = {}
local closeOnExec, backlog = 524288, 128
local childEnded = 17

-- Each family by itself: over a socket for both, IPv4 addresses would look like ::ffff:172.31.0.5 to whoever asks.
local function bindTo(family, port)
  local socket = C.socket(family, 1 + closeOnExec, 0)
  if socket < 0 then return nil end
  local yes = ffi.new('int[1]', 1)
  C.setsockopt(socket, 1, 2, yes, 4)
  if family == 10 then C.setsockopt(socket, 41, 26, yes, 4) end
  -- Family, port, and the address of all interfaces.
  local address = ffi.new('uint8_t[28]', { family, 0, math.floor(port / 256), port % 256 })
  if C.bind(socket, address, family == 2 and 16 or 28) == 0 then return socket end
  C.close(socket)
end

-- Sockets of a port, to which nobody can connect before server.listen.
function server.open(port)
  local sockets = {}
  for _, family in ipairs { 2, 10 } do sockets[#sockets + 1] = bindTo(family, port) end
  if #sockets == 0 then error(('port %d is taken'):format(port), 0) end
  return sockets
end

function server.listen(sockets)
  for _, socket in ipairs(sockets) do
    if C.listen(socket, backlog) ~= 0 then error('the port is taken', 0) end
  end
end

local function forEachConnection(sockets, act)
  local polled = ffi.new('struct kiln_poll[2]')
  for index, socket in ipairs(sockets) do polled[index - 1].file, polled[index - 1].wanted = socket, 1 end
  while true do
    C.poll(polled, #sockets, -1)
    for index = 0, #sockets - 1 do
      local connection = polled[index].found ~= 0 and C.accept(polled[index].file, nil, nil) or -1
      if connection >= 0 then act(connection) end
    end
  end
end

-- Does `handle` with a connection as standard input and output, and ends.
local function takeUp(connection, handle)
  C.signal(childEnded, 0)
  C.dup2(connection, 0)
  C.dup2(connection, 1)
  C.close(connection)
  handle()
  os.exit(1)
end

-- Runs `handle` in a process of its own for every connection to these sockets, for ever.
function server.serve(sockets, handle)
  -- Children that end are not waited for.
  C.signal(childEnded, 1)
  forEachConnection(sockets, function(connection)
    if C.fork() == 0 then takeUp(connection, handle) end
    C.close(connection)
  end)
end

-- Runs `handle` in this very process for the next connection.
function server.serveOnce(sockets, handle)
  forEachConnection(sockets, function(connection) takeUp(connection, handle) end)
end

-- Does `act` in a process of its own, and comes back when that runs another program or has ended.
function server.waitForOther(act)
  C.signal(childEnded, 1)
  local ends = ffi.new 'int[2]'
  C.pipe2(ends, closeOnExec)
  if C.fork() == 0 then
    C.close(ends[0])
    C.signal(childEnded, 0)
    act()
    os.exit(1)
  end
  C.close(ends[1])
  C.read(ends[0], ffi.new 'uint8_t[1]', 1)
  C.close(ends[0])
end

-- Waits until nobody reads what is written to a pipe any more.
function server.waitForReader(pipe) C.poll(ffi.new('struct kiln_poll', pipe), 1, -1) end

-- Runs a program in the place of this one; comes back only when it cannot be run.
function server.become(...)
  local words = { ... }
  local arguments = ffi.new('const char *[?]', #words + 1)
  for index, word in ipairs(words) do arguments[index - 1] = word end
  C.execv(words[1], arguments)
end

return server
