"""Whom the key pair of the launch lets in: the user that cloud-init would give it to."""

import json
import os
import pwd

from files import read_file, write_file

# Of cloud-init's run for the template; the name of the key has changed.
facts = '/run/cloud-init/instance-data-sensitive.json'
keys_of_facts = ('merged_system_cfg', 'merged_cfg')
first_person = 1000


class LoginUser:
    """Found while cloud-init's facts of the template are there; its directory for keys is made where there is none."""

    def __init__(self):
        entry = _find_user()
        self.owner = (entry.pw_uid, entry.pw_gid)
        directory = os.path.join(entry.pw_dir, '.ssh')
        self.file = os.path.join(directory, 'authorized_keys')
        if not os.path.isdir(directory):
            os.mkdir(directory, 0o700)
            os.chown(directory, *self.owner)

    def let_in(self, key):
        present = read_file(self.file)
        if key in present.splitlines():
            return
        separator = '' if present == '' or present.endswith('\n') else '\n'
        write_file(self.file, '%s%s%s\n' % (present, separator, key), 0o600, self.owner)


def _find_user():
    known = json.loads(read_file(facts) or '{}')
    for key in keys_of_facts:
        name = known.get(key, {}).get('system_info', {}).get('default_user', {}).get('name')
        if name:
            return pwd.getpwnam(name)
    people = [entry for entry in pwd.getpwall() if first_person <= entry.pw_uid < 60000]
    if not people:
        raise RuntimeError('cloud-init has made no user that could be let in')
    return min(people, key=lambda entry: entry.pw_uid)
