-- The root disk of a server that has it in use already.
local ffi = require 'ffi'
local C = ffi.C
local system = require 'system'
ffi.cdef [[
struct kiln_partition { long long start, length; int number; char names[128]; };
struct kiln_partition_call { int operation, flags, length; void *partition; };
]]
local disk = {}
local directory = '/sys/block/vda/'
-- BLKPG and BLKPG_RESIZE_PARTITION of linux/blkpg.h.
local partitionCall, resize = 0x1269, 3
local sector = 512
-- Of the first partition of an MBR: its size in sectors, four bytes, least significant first.
local sizeOffset = 446 + 12

local function readSectors(name) return tonumber(system.read(directory .. name)) end

-- Lets the partition and the file system reach to the end of the disk, as the initrd does before anything is mounted.
function disk.grow()
  local start = readSectors 'vda1/start'
  local size = readSectors 'size' - start
  if size <= readSectors 'vda1/size' + 2048 or size >= 2 ^ 32 then return end
  local file = io.open('/dev/vda', 'r+b')
  file:seek('set', sizeOffset)
  local bytes = {}
  for index = 0, 3 do bytes[index + 1] = string.char(math.floor(size / 256 ^ index) % 256) end
  file:write(table.concat(bytes))
  file:close()
  local partition = ffi.new('struct kiln_partition', start * sector, size * sector, 1)
  local call = ffi.new('struct kiln_partition_call', resize, 0, ffi.sizeof(partition), partition)
  local device = C.open('/dev/vda', 0)
  C.ioctl(device, partitionCall, call)
  C.close(device)
  system.run 'resize2fs /dev/vda1 >/dev/null 2>&1'
end

return disk
