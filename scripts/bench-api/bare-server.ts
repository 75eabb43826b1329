// The reference: an HTTP server of Node that reads each request to its end and answers the bytes of one file.
//
//   node --import tsx scripts/bench-api/bare-server.ts FILE
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const bytes = readFileSync(process.argv[2] ?? '')
const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/xml;charset=UTF-8', 'content-length': bytes.length })
    response.end(bytes)
  })
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
