// Measures transfers from wherever it is run, in another network namespace for example, and prints the figure.
//
//   transfer-program.ts receive|send HOST PORT MIB
//   transfer-program.ts greet HOST PORT TIMES      the median
import { median } from '../bench/figure.ts'
import { greet, receiveFrom, sendTo } from './transfer.ts'

const measures = { receive: receiveFrom, send: sendTo, greet: greetOften } as const
const [way, host = '', port, amount] = process.argv.slice(2)
const measure = measures[way as keyof typeof measures]
process.stdout.write(String(await measure(host, Number(port), Number(amount))))

async function greetOften(name: string, number: number, times: number): Promise<number> {
  const found: number[] = []
  while (found.length < times) found.push(await greet(name, number))
  return median(found)
}
