"""The system's own network service, which takes the interface over from the template's program."""

import glob
import os

from files import write_file

drop_in = """# Of /usr/lib/kiln/template, for this boot: the address that it has given stays until there is a lease, and the interface is
# known by the hardware address that it has now, not by the one that it had in the template.
[Match]
PermanentMACAddress=
MACAddress=%s

[Network]
KeepConfiguration=static
"""


def let_networkd_take_over(mac, interface):
    """For the settings that are there, and for those that netplan is going to write for the interface."""
    paths = glob.glob('/run/systemd/network/*.network') + glob.glob('/etc/systemd/network/*.network')
    names = {os.path.basename(path) for path in paths if mac in _lower(path)}
    names.add('10-netplan-%s.network' % interface)
    for name in names:
        directory = '/run/systemd/network/%s.d' % name
        os.makedirs(directory, exist_ok=True)
        write_file('%s/kiln-template.conf' % directory, drop_in % mac)


def _lower(path):
    with open(path) as file:
        return file.read().lower()
