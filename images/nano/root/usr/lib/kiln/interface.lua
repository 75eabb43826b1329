-- The first network device, with no program run for it: a clone of a template has its address before it has time to start one.
local ffi = require 'ffi'
local C = ffi.C
local system = require 'system'
ffi.cdef [[
struct kiln_interface {
  char name[16];
  union { struct kiln_address address; struct { uint16_t kind; uint8_t bytes[14]; } hardware; short flags; int mtu; uint8_t room[24]; };
};
struct kiln_route {
  unsigned long unused1;
  struct kiln_address destination, gateway, mask;
  uint16_t flags; short unused2; unsigned long unused3; void *unused4; short metric;
  const char *device;
  unsigned long mtu, window;
  unsigned short roundTrip;
};
]]
local interface = {}
local device = 'eth0'
local call = { setMac = 0x8924, setMtu = 0x8922, setAddress = 0x8916, setMask = 0x891C, getFlags = 0x8913, setFlags = 0x8914, addRoute = 0x890B }
local isUp, isByGateway, isOfHost = 1, 2, 4
local ethernet, ipv4 = 1, 2

local socket = C.socket(ipv4, 2 + 524288, 0)

local function control(request, argument, what)
  if C.ioctl(socket, request, argument) ~= 0 then error(('%s: %s: error %d'):format(device, what, ffi.errno()), 0) end
end

local function setting(family, name) return ('/proc/sys/net/%s/conf/%s/%s'):format(family, device, name) end

-- The request that `fill` completes, made of the device.
local function configure(request, what, fill)
  local argument = ffi.new 'struct kiln_interface'
  argument.name = device
  fill(argument)
  control(request, argument, what)
  return argument
end

local function setIp(address, ip)
  address.family = ipv4
  local index = 0
  for byte in ip:gmatch '%d+' do
    address.ip[index] = tonumber(byte)
    index = index + 1
  end
end

local function maskOf(length)
  local bytes = {}
  for index = 1, 4 do
    local bits = math.max(0, math.min(8, length - (index - 1) * 8))
    bytes[index] = 256 - 2 ^ (8 - bits)
  end
  return table.concat(bytes, '.')
end

local function addRoute(destination, length, gateway)
  local route = ffi.new 'struct kiln_route'
  setIp(route.destination, destination)
  setIp(route.mask, maskOf(length))
  route.flags = isUp + (length == 32 and isOfHost or 0)
  if gateway then
    setIp(route.gateway, gateway)
    route.flags = route.flags + isByGateway
  else
    route.device = device
  end
  control(call.addRoute, route, 'route to ' .. destination)
end

-- A device that is down has another MAC from now on.
function interface.setMac(mac)
  configure(call.setMac, 'MAC', function(argument)
    argument.hardware.kind = ethernet
    local index = 0
    for byte in mac:gmatch '%x%x' do
      argument.hardware.bytes[index] = tonumber(byte, 16)
      index = index + 1
    end
  end)
end

-- Before it has anything: the address will be told to whoever has asked for it in vain before and would ask again only after a second,
-- and IPv6 waits for interface.allowIpv6.
function interface.prepare()
  system.write(setting('ipv4', 'arp_notify'), '1')
  system.write(setting('ipv6', 'disable_ipv6'), '1')
end

function interface.allowIpv6() system.write(setting('ipv6', 'disable_ipv6'), '0') end

-- Brings it up with what a lease would have brought (etc/kiln/udhcpc). `mtu` may be nil.
function interface.bringUp(ip, length, gateway, mtu)
  if mtu then configure(call.setMtu, 'MTU', function(argument) argument.mtu = mtu end) end
  configure(call.setAddress, 'address', function(argument) setIp(argument.address, ip) end)
  configure(call.setMask, 'mask', function(argument) setIp(argument.address, maskOf(length)) end)
  local flags = configure(call.getFlags, 'flags', function() end).flags
  configure(call.setFlags, 'up', function(argument) argument.flags = flags + (flags % 2 == 0 and isUp or 0) end)
  addRoute(gateway, 32)
  addRoute('0.0.0.0', 0, gateway)
  addRoute('169.254.169.254', 32, gateway)
end

return interface
