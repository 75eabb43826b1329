-- What Lua's own library lacks of the system: modes, owners, directories, durable writes, clocks, randomness, TCP.
local ffi = require 'ffi'
local C = ffi.C
ffi.cdef [[
int chmod(const char *path, unsigned mode);
int chown(const char *path, unsigned uid, unsigned gid);
int mkdir(const char *path, unsigned mode);
int unlink(const char *path);
int access(const char *path, int how);
int sethostname(const char *name, size_t length);
int open(const char *path, int flags, ...);
int fsync(int file);
int close(int file);
int usleep(unsigned microseconds);
struct kiln_time { long seconds, nanoseconds; };
int clock_gettime(int clock, struct kiln_time *time);
int clock_settime(int clock, const struct kiln_time *time);
int ioctl(int file, unsigned long request, ...);
long read(int file, void *bytes, size_t length);
long write(int file, const void *bytes, size_t length);
struct kiln_randomness { int bits, length; uint8_t bytes[64]; };
struct kiln_address { uint16_t family, port; uint8_t ip[4]; uint8_t rest[8]; };
struct kiln_interval { long seconds, microseconds; };
int socket(int domain, int type, int protocol);
int setsockopt(int socket, int level, int option, const void *value, unsigned length);
int connect(int socket, const struct kiln_address *address, unsigned length);
long send(int socket, const void *bytes, size_t length, int flags);
long recv(int socket, void *bytes, size_t length, int flags);
]]
local system = {}

function system.read(path)
  local file = io.open(path, 'rb')
  if not file then return nil end
  local text = file:read '*a'
  file:close()
  return text
end

-- Writes a file; `options`: mode, uid, gid, append. Throws a text that says what is wrong.
function system.write(path, text, options)
  options = options or {}
  local file, problem = io.open(path, options.append and 'ab' or 'wb')
  if not file then error(problem, 0) end
  -- Nobody may read between the first byte and the mode.
  if options.mode then C.chmod(path, options.mode) end
  if options.uid then C.chown(path, options.uid, options.gid) end
  local isWritten, why = file:write(text)
  local isClosed, whyNot = file:close()
  if not (isWritten and isClosed) then error(path .. ': ' .. tostring(why or whyNot), 0) end
  -- Changing the owner takes special bits away.
  if options.mode then C.chmod(path, options.mode) end
end

-- Opens a new file, or with `append` one that may be there, for a text that is to be written in no time: what this answers writes it.
-- A file that was emptied instead would have its blocks found and written as soon as it is closed.
function system.prepare(path, options)
  if not options.append then C.unlink(path) end
  local file, problem = io.open(path, 'abe')
  if not file then error(problem, 0) end
  C.chmod(path, options.mode or 420)
  if options.uid then C.chown(path, options.uid, options.gid) end
  return function(text)
    local isWritten, why = file:write(text)
    local isClosed, whyNot = file:close()
    if not (isWritten and isClosed) then error(path .. ': ' .. tostring(why or whyNot), 0) end
  end
end

-- Writes so that a power cut leaves the old content or the new one.
function system.writeDurably(path, text)
  system.write(path .. '.new', text)
  local file = C.open(path .. '.new', 0)
  C.fsync(file)
  C.close(file)
  os.rename(path .. '.new', path)
end

function system.exists(path) return C.access(path, 0) == 0 end
function system.isExecutable(path) return C.access(path, 1) == 0 end
function system.remove(path) C.unlink(path) end
function system.setMode(path, mode) C.chmod(path, mode) end
function system.setOwner(path, uid, gid) C.chown(path, uid, gid) end

-- Makes a directory and those above it; the last gets mode and owner when it is new.
function system.makeDirectory(path, mode, uid, gid)
  for parent in path:gmatch '()/' do
    if parent > 1 then C.mkdir(path:sub(1, parent - 1), 493) end
  end
  if C.mkdir(path, mode or 493) == 0 then
    C.chmod(path, mode or 493)
    if uid then C.chown(path, uid, gid) end
  end
  if not system.exists(path .. '/.') then error(path .. ': the directory cannot be made', 0) end
end

function system.setHostname(name) C.sethostname(name, #name) end
function system.sleep(seconds) C.usleep(seconds * 1000000) end

-- Seconds of a clock that nobody sets.
function system.now()
  local time = ffi.new 'struct kiln_time'
  C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

-- Sets the clock to seconds since 1970.
function system.setClock(seconds)
  local whole = math.floor(seconds)
  local time = ffi.new('struct kiln_time', whole, math.floor((seconds - whole) * 1e9))
  if C.clock_settime(0, time) ~= 0 then error('the clock cannot be set', 0) end
end

-- Mixes 64 bytes that nobody else knows into the kernel's random numbers, and has all that comes from now on drawn from them
-- (RNDADDENTROPY, RNDRESEEDCRNG of random(4)).
function system.addRandomness(bytes)
  local added = ffi.new('struct kiln_randomness', #bytes * 8, #bytes)
  ffi.copy(added.bytes, bytes, #bytes)
  local file = C.open('/dev/urandom', 2)
  local isMixed = C.ioctl(file, 0x40085203, added) == 0 and C.ioctl(file, 0x5207) == 0
  C.close(file)
  if not isMixed then error('the random numbers cannot be seeded', 0) end
end

-- Sends a request to port 80 of an address and answers all that comes until the other side closes; nil when nothing does.
function system.askPort80(ip, request, timeoutSeconds)
  local socket = C.socket(2, 1 + 524288, 0)
  if socket < 0 then return nil end
  local limit = ffi.new('struct kiln_interval', timeoutSeconds, 0)
  for _, option in ipairs { 20, 21 } do C.setsockopt(socket, 1, option, limit, ffi.sizeof(limit)) end
  local address = ffi.new 'struct kiln_address'
  address.family, address.port = 2, 80 * 256
  local index = 0
  for byte in ip:gmatch '%d+' do
    address.ip[index] = tonumber(byte)
    index = index + 1
  end
  local pieces = {}
  if C.connect(socket, address, ffi.sizeof(address)) == 0 and C.send(socket, request, #request, 0x4000) == #request then
    local buffer = ffi.new('uint8_t[?]', 16384)
    while true do
      local length = tonumber(C.recv(socket, buffer, 16384, 0))
      if length <= 0 then break end
      pieces[#pieces + 1] = ffi.string(buffer, length)
    end
  end
  C.close(socket)
  if #pieces == 0 then return nil end
  return table.concat(pieces)
end

function system.quote(text) return "'" .. text:gsub("'", [['\'']]) .. "'" end

-- Runs a shell command; answers its exit code, 128 and more for a signal.
function system.run(command)
  local first, how, code = os.execute(command)
  if type(first) == 'number' then
    return first % 256 == 0 and first / 256 or 128 + first % 128
  end
  return how == 'signal' and 128 + code or code
end

return system
