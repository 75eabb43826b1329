// Measures one transfer from wherever it is run, in another network namespace for example, and prints the figure.
//
//   transfer-program.ts receive|send|greet HOST PORT MIB
import { greet, receiveFrom, sendTo } from './transfer.ts'

const [way, host = '', port, mib] = process.argv.slice(2)
const measures = { receive: receiveFrom, send: sendTo, greet } as const
const measure = measures[way as keyof typeof measures]
process.stdout.write(String(await measure(host, Number(port), Number(mib))))
