/**
 * The tag by which an instance asks for network devices on bridges of the host: `br0`, or several with commas between. Looked at when it is
 * launched and whenever it is started.
 */
export const bridgeTag = 'kiln:bridge'

/** Names of devices (dev_valid_name in the kernel), without what would have to be quoted somewhere. */
export const bridgeName = /^(?!\.\.?$)[\w.-]{1,15}$/
