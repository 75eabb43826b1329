"""The primary network interface, by rtnetlink: no program has to be started."""

import errno
import glob
import os
import socket
import struct

ethernet = 1
(new_link, new_address, new_route, delete_route) = (16, 20, 24, 25)
(request, acknowledge, replace, create) = (0x1, 0x4, 0x100, 0x400)
up = 0x1
error_message = 2
# Attributes of links, addresses and routes.
(link_mac, link_mtu) = (1, 4)
(address_peer, address_local, address_broadcast) = (1, 2, 4)
(route_device, route_gateway, route_priority) = (4, 5, 6)
(main_table, static_route, unicast) = (254, 4, 1)
# The gateway need not be of the address's own network.
on_link = 0x4
# The destination of a default route in /proc/net/route.
everything = '00000000'


def find_interface():
    """The name of the interface that the default route leads to, or of the first one of a device."""
    for name, destination in _routes():
        if destination == everything:
            return name
    names = [path.split('/')[4] for path in glob.glob('/sys/class/net/*/device')]
    names = [name for name in names if read_number(name, 'type') == ethernet]
    if not names:
        raise RuntimeError('this machine has no network interface')
    return min(names, key=lambda name: read_number(name, 'ifindex'))


def read_number(name, file):
    with open('/sys/class/net/%s/%s' % (name, file)) as opened:
        return int(opened.read())


def read_mac(name):
    with open('/sys/class/net/%s/address' % name) as opened:
        return opened.read().strip()


def probe_anew(name):
    """
    Has the driver find the device again, which has the clone's hardware address since it was loaded, and the driver only remembers the
    template's. Costs too much where somebody waits, and is right where nothing uses the interface yet.
    """
    device = os.path.realpath('/sys/class/net/%s/device' % name)
    driver = os.path.realpath('%s/driver' % device)
    for file in ('unbind', 'bind'):
        with open('%s/%s' % (driver, file), 'w') as opened:
            opened.write(os.path.basename(device))


class OwnInterface:
    def __init__(self, name):
        self.name = name
        self.index = socket.if_nametoindex(name)
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self.netlink.bind((0, 0))

    def encode_bring_up(self, identity):
        """The messages that give it its hardware address, its address and its way out."""
        mac = bytes.fromhex(identity.require('interface-mac').replace(':', ''))
        mtu = int(identity.get('interface-mtu') or 1500)
        text, _, length = identity.require('interface-address').partition('/')
        address = socket.inet_aton(text)
        prefix = int(length)
        host_mask = (1 << (32 - prefix)) - 1
        broadcast = struct.pack('>I', struct.unpack('>I', address)[0] | host_mask)
        gateway = socket.inet_aton(identity.require('interface-gateway'))
        return [
            self._encode_mac(mac),
            _encode(
                new_link,
                0,
                struct.pack('BxHiII', 0, 0, self.index, up, up) + _attribute(link_mtu, struct.pack('I', mtu)),
            ),
            _encode(
                new_address,
                create | replace,
                struct.pack('BBBBi', socket.AF_INET, prefix, 0, 0, self.index)
                + _attribute(address_peer, address)
                + _attribute(address_local, address)
                + _attribute(address_broadcast, broadcast),
            ),
            self._encode_default_route(new_route, create | replace, gateway),
        ]

    def bring_up(self, identity):
        self._ask(self.encode_bring_up(identity))

    def drop_own_route(self, identity):
        """Takes the way out back that `bring_up` has given, once the network's own service has one."""
        gateway = socket.inet_aton(identity.require('interface-gateway'))
        if _routes().count((self.name, everything)) > 1:
            self._ask([self._encode_default_route(delete_route, 0, gateway)])

    def _encode_mac(self, mac):
        return _encode(new_link, 0, struct.pack('BxHiII', 0, 0, self.index, 0, 0) + _attribute(link_mac, mac))

    def _encode_default_route(self, kind, flags, gateway):
        head = struct.pack('BBBBBBBBI', socket.AF_INET, 0, 0, 0, main_table, static_route, 0, unicast, on_link)
        device = _attribute(route_device, struct.pack('i', self.index))
        return _encode(kind, flags, head + _attribute(route_gateway, gateway) + device)

    def _ask(self, messages):
        for message in messages:
            self.netlink.send(message)
            answer = self.netlink.recv(65536)
            if struct.unpack_from('IHHII', answer)[1] != error_message:
                raise RuntimeError('the kernel has not answered as it should')
            number = -struct.unpack_from('i', answer, 16)[0]
            if number not in (0, errno.EEXIST):
                raise OSError(number, os.strerror(number), self.name)


def _routes():
    """Of IPv4: the device and the destination of each."""
    with open('/proc/net/route') as opened:
        return [tuple(line.split()[:2]) for line in opened]


def _attribute(kind, value):
    return struct.pack('HH', 4 + len(value), kind) + value + b'\0' * (-len(value) % 4)


def _encode(kind, flags, body):
    return struct.pack('IHHII', 16 + len(body), kind, request | acknowledge | flags, 0, 0) + body
