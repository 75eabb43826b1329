"""cloud-init, which has run for the template and runs again, from its beginning, for the instance of the clone."""

import units

settings_of_this_boot = '/run/cloud-init/cloud.cfg'


class Stages:
    def __init__(self, active):
        self.program = [units.cloud_init_program] if units.exists(units.cloud_init_program) else []
        self.local = active.of(units.cloud_init_local)
        self.network = active.of(units.cloud_init_network)
        self.final = active.of(units.cloud_init_final)
        if not self.local or not self.network:
            raise RuntimeError('cloud-init has not run: see cloud-init status --long')

    def all(self):
        """In the order in which they are to be stopped."""
        return self.final + self.network + self.local + self.program

    def run_local(self, manager):
        """Until it has found its data source and written the settings of the network."""
        manager.wait(*manager.try_start(*self.program, *self.local))

    def run_rest(self, manager):
        """
        What remains, once the network's own service was told to start. One after the other: in a boot targets are between them, which are
        active in a clone already.
        """
        for unit in self.network + self.final:
            manager.wait(*manager.try_start(unit))


def keep_host_keys():
    """For this boot only: a clone has been given its key, and the next boot of an image that is made of it begins without."""
    with open(settings_of_this_boot, 'a') as file:
        file.write('ssh_deletekeys: false\n')
