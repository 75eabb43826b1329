"""Names of hosts before the network's own service has said who knows them."""

import os

from files import write_file

resolved_settings = '/run/systemd/resolved.conf.d'


def say_name_servers(identity, services):
    """`services`: those that the template has let rest, and that are started afterwards."""
    servers, domain = identity.get_all('interface-dns'), identity.get('interface-domain')
    if not servers:
        return
    if 'systemd-resolved.service' in services:
        os.makedirs(resolved_settings, exist_ok=True)
        lines = ['[Resolve]', 'DNS=%s' % ' '.join(servers)] + (['Domains=%s' % domain] if domain else [])
        write_file('%s/kiln-template.conf' % resolved_settings, '%s\n' % '\n'.join(lines))
    elif not os.path.islink('/etc/resolv.conf'):
        lines = ['nameserver %s' % server for server in servers] + (['search %s' % domain] if domain else [])
        write_file('/etc/resolv.conf', '%s\n' % '\n'.join(lines))
