// The least that a Node process can answer. What it takes under load is the host's part in what the daemon takes.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((_request, answer) => answer.end('{"status":"ok"}'))
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.on('disconnect', () => process.exit(0))
