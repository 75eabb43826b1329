-- IPv6 addresses. Busybox as Debian builds it has no DHCPv6 client; the metadata, which is read anyway, tells the same addresses. The
-- kernel itself takes the way out from the router's advertisements.
local system = require 'system'
local network = {}

-- The addresses that eth0 has by its instance's metadata are taken up; those that the guest has besides stay.
function network.takeUpIpv6(client)
  local mac = (system.read '/sys/class/net/eth0/address' or ''):match '^[%x:]+'
  if not mac then return end
  local listed = client.get('meta-data/network/interfaces/macs/' .. mac .. '/ipv6s') or ''
  local addresses = {}
  for address in listed:gmatch '[%x:]+' do table.insert(addresses, 1, address) end
  if #addresses == 0 then return end
  -- Nobody else has them: none need wait until that is proven.
  system.write('/proc/sys/net/ipv6/conf/eth0/accept_dad', '0')
  -- The kernel sends by what came last, which is the first of the list.
  for _, address in ipairs(addresses) do
    system.run('ip -6 addr replace ' .. address .. '/128 dev eth0 >/dev/null 2>&1')
  end
end

return network
