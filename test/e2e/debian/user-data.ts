/**
 * User data of several parts. It shows that each is done, and by the lines of `/var/lib/user-data-runs` how often; a script of its fails
 * at each boot but the first.
 */
export const userData = `Content-Type: multipart/mixed; boundary="part"
MIME-Version: 1.0

--part
Content-Type: text/cloud-config

#cloud-config
# An RSA key takes an emulated processor long.
ssh_genkeytypes: [ed25519]
write_files:
  - path: /etc/told-by-config
    content: from cloud-config
  - path: /var/lib/cloud/scripts/per-boot/once
    permissions: '0755'
    content: |
      #!/bin/sh
      [ ! -e /var/lib/has-booted ] || exit 3
      touch /var/lib/has-booted
--part
Content-Type: text/x-shellscript

#!/bin/sh
cat /var/lib/cloud/data/instance-id >>/var/lib/user-data-runs
--part--
`
