"""Who a clone is, as the host says it: lines of `key=value`."""


class Identity:
    """Keys that are not known are passed over; a key that is missing is an error only for who needs it."""

    def __init__(self, text):
        self.values = {}
        for line in text.splitlines():
            key, mark, value = line.partition('=')
            if mark:
                self.values.setdefault(key, []).append(value)

    def get(self, key):
        values = self.values.get(key)
        return values[0] if values else None

    def require(self, key):
        value = self.get(key)
        if value is None:
            raise ValueError('the host has not said %s' % key)
        return value

    def get_all(self, key):
        return self.values.get(key, [])


# By this a template goes once through what its clones are to do fast. No server is of this identity.
sample = '\n'.join(
    [
        'version=1',
        'instance-id=i-00000000000000000',
        'time=0.000001',
        'seed=%s' % ('00' * 64),
        'machine-id=%s' % ('0' * 32),
        'hostname=sample',
        'fqdn=sample.invalid',
        'interface-mac=02:00:00:00:00:01',
        'interface-address=192.0.2.2/24',
        'interface-gateway=192.0.2.1',
        'interface-dns=192.0.2.1',
        'interface-domain=invalid',
        'interface-mtu=1500',
        'login-key=ssh-ed25519 AAAA sample',
        'ssh-host-key=%s' % ('00' * 64),
        'wait-for=ssh',
        'END',
        '',
    ]
)
