#!/bin/sh
# What dhclient -6 does with what it hears: addresses only, for the files of the machine that runs the tests are not its own.
case $reason in
PREINIT6) exit 0 ;;
BOUND6 | RENEW6 | REBIND6)
  [ -z "$old_ip6_address" ] || [ "$old_ip6_address" = "$new_ip6_address" ] ||
    ip -6 addr del "$old_ip6_address/128" dev "$interface"
  exec ip -6 addr replace "$new_ip6_address/128" dev "$interface" valid_lft "$new_max_life" preferred_lft "$new_preferred_life"
  ;;
EXPIRE6 | RELEASE6 | STOP6) exec ip -6 addr del "$old_ip6_address/128" dev "$interface" ;;
esac
