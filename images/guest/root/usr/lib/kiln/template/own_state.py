"""What of a running system is of its identity, and can be given it while it runs: clock, randomness, machine-id, boot id, names."""

import ctypes
import fcntl
import os
import re
import socket
import struct
import time
import uuid

from files import read_file, write_file
from identity import Identity

# linux/random.h; the numbers are those of every architecture that Kiln has servers of
add_entropy = 0x40085203
reseed = 0x5207
bind = 4096
boot_id_file = '/proc/sys/kernel/random/boot_id'
own_boot_id_file = '/run/kiln/boot_id'
machine_id_file = '/etc/machine-id'
system_id_file = '/var/lib/machine-uuid'
most_tries = 5
soon_seconds = 0.02
library = ctypes.CDLL(None, use_errno=True)


def take_randomness(identity):
    """Before anything else: until then all clones of a template draw the same numbers."""
    seed = bytes.fromhex(identity.require('seed'))
    descriptor = os.open('/dev/urandom', os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, add_entropy, struct.pack('ii', 8 * len(seed), len(seed)) + seed)
        fcntl.ioctl(descriptor, reseed)
    finally:
        os.close(descriptor)


def take_time(identity):
    time.clock_settime(time.CLOCK_REALTIME, float(identity.require('time')))


def refine_time(port):
    """However long the identity was on its way: the host is asked until its answer comes soon, and the clock is right to half of that."""
    shortest = None
    for _ in range(most_tries):
        asked = time.monotonic()
        port.say('TIME')
        told = Identity(port.receive()).require('time')
        took = time.monotonic() - asked
        if shortest is None or took < shortest:
            shortest = took
            time.clock_settime(time.CLOCK_REALTIME, float(told) + took / 2)
        if took < soon_seconds:
            return


def take_machine_id(identity):
    machine_id = identity.require('machine-id')
    if len(machine_id) != 32 or not set(machine_id) <= set('0123456789abcdef'):
        raise ValueError('machine-id is to have 32 hexadecimal digits')
    _write_machine_id('%s\n' % machine_id)
    if os.path.isfile('/var/lib/dbus/machine-id') and not os.path.islink('/var/lib/dbus/machine-id'):
        write_file('/var/lib/dbus/machine-id', '%s\n' % machine_id, 0o444)


def forget_machine_id():
    _write_machine_id('')


def _write_machine_id(text):
    # Early in a first boot systemd has laid a file of /run over it, and writes it to the disk later on.
    path = '/run/machine-id' if _is_mounted(machine_id_file) else machine_id_file
    with open(path, 'w') as file:
        file.write(text)


def take_system_id(identity):
    """Kiln's own images know by this file that a disk has come to another machine (scripts/local-bottom/machine-identity)."""
    system_id = identity.get('system-uuid')
    if system_id is not None and os.path.exists('/etc/initramfs-tools/scripts/local-bottom/machine-identity'):
        write_file(system_id_file, '%s\n' % system_id)


def take_boot_id():
    """The kernel has drawn its boot id for good: what reads it from now on is shown another one."""
    os.makedirs('/run/kiln', exist_ok=True)
    write_file(own_boot_id_file, '%s\n' % uuid.UUID(bytes=os.urandom(16), version=4), 0o444)
    if library.mount(own_boot_id_file.encode(), boot_id_file.encode(), None, bind, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, 'mount: %s' % os.strerror(number), boot_id_file)


def take_host_name(identity):
    """For this boot only."""
    socket.sethostname(identity.require('hostname'))


def write_host_name(identity, earlier):
    """For all boots. `earlier`: the template's name, which /etc/hosts may have with a domain and without."""
    name, full_name = identity.require('hostname'), identity.require('fqdn')
    write_file('/etc/hostname', '%s\n' % name)
    hosts = read_file('/etc/hosts')
    renamed = rename_in_hosts(hosts, earlier, name, full_name)
    if renamed != hosts:
        write_file('/etc/hosts', renamed)


def rename_in_hosts(hosts, earlier, name, full_name):
    if earlier == 'localhost':
        return hosts
    word = r'(?<![\w.-])%s(\.[\w.-]+)?(?![\w.-])' % re.escape(earlier)
    return re.sub(word, lambda found: full_name if found.group(1) else name, hosts)


def _is_mounted(path):
    return any(line.split(' ')[4] == path for line in read_file('/proc/self/mountinfo').splitlines())
