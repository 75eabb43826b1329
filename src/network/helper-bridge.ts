/** The unnumbered bridge that lends dnsmasq the routers' addresses; it never carries a frame. */
export const helperBridge = 'dhcp0'
