"""What a template has that its clones must not: what tells one server from another, and what a server remembers of its boot."""

import glob
import os
import time

from files import read_file, remove

seeds = ['/var/lib/systemd/random-seed', '/var/lib/random-seed', '/var/lib/urandom/random-seed']
clocks = [
    '/var/lib/systemd/timesync/clock',
    '/var/lib/private/systemd/timesync/clock',
    # By these a timer would find, as soon as the clock is right, that it is late.
    '/var/lib/systemd/timers/stamp-*',
]
leases = [
    '/run/dhclient*',
    '/run/cloud-init/dhclient*',
    '/run/systemd/netif/leases/*',
    '/var/lib/dhclient/*',
    '/var/lib/dhcp/*.lease*',
    '/var/lib/dhcpcd/*',
    '/var/lib/systemd/network/*',
    '/var/lib/NetworkManager/*.lease',
    '/var/lib/NetworkManager/secret_key',
    '/var/lib/NetworkManager/timestamps',
]
host_keys = ['/etc/ssh/ssh_host_*_key', '/etc/ssh/ssh_host_*_key.pub']
# Settings that cloud-init has written for the template's interface.
network_settings = [
    '/etc/netplan/*',
    '/etc/network/interfaces.d/*',
    '/etc/NetworkManager/system-connections/*',
    '/etc/sysconfig/network-scripts/ifcfg-*',
    '/etc/sysconfig/network/ifcfg-*',
    '/etc/systemd/network/*',
    '/etc/udev/rules.d/*',
    '/run/systemd/network/*',
    '/run/udev/rules.d/*',
]
logs = ['auth.log', 'boot.log', 'cron', 'cron.log', 'daemon.log', 'debug', 'kern.log', 'maillog', 'messages', 'secure']
logs += ['syslog', 'user.log', 'wtmp']
# What ds-identify has found out of the machine holds for clones as well.
kept_of_cloud_init = ['.ds-identify.result', 'cloud.cfg', 'ds-identify.log', 'enabled']


def remove_early_traces(mac):
    """Those of a boot that has not come to cloud-init yet."""
    remove(*seeds, *clocks, *leases)
    _remove_mentions(mac)
    # Kiln's own images: `own_state.take_system_id` writes it anew.
    remove('/var/lib/machine-uuid')


def remove_traces(mac):
    remove_early_traces(mac)
    remove(*host_keys)
    _forget_cloud_init()
    for name in logs:
        path = '/var/log/%s' % name
        if os.path.isfile(path) and _is_of_this_boot(path):
            os.truncate(path, 0)


def _forget_cloud_init():
    """
    As `cloud-init clean` does, but for what is the image's: scripts that it has brought along, and what earlier boots of it have done once
    for all. Everything of an instance is done again, for the instance of the clone.
    """
    remove('/var/lib/cloud/instance', '/var/lib/cloud/instances/*', '/var/lib/cloud/data/*')
    for path in glob.glob('/var/lib/cloud/sem/*'):
        if _is_of_this_boot(path):
            os.unlink(path)
    remove('/var/log/cloud-init.log', '/var/log/cloud-init-output.log')
    for path in glob.glob('/run/cloud-init/*') + glob.glob('/run/cloud-init/.*'):
        if os.path.basename(path) not in kept_of_cloud_init:
            remove(path)


def _remove_mentions(mac):
    for pattern in network_settings:
        for path in glob.glob(pattern):
            if os.path.isfile(path) and mac in read_file(path).lower():
                os.unlink(path)


def _is_of_this_boot(path):
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return os.lstat(path).st_mtime >= started
