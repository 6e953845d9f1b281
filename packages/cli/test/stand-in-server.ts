// Stands in for the daemon's program in tests of `daemon start` and `doctor`: writes the same files, answers the same routes.
// STAND_IN says how it behaves: "fail" ends at once; "shape-failed" cannot prepare a template;
// "another-config" has left the clients' config to another daemon; else it is ready at the third look.

import { createServer } from 'node:http'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { hostStatus } from '../../sdk/test/samples.ts'

const { NULLSPACE_DATA_DIR: dataDir = '.', NULLSPACE_PORT: port, NULLSPACE_DRIVER: driver, STAND_IN: manner } = process.env
const key = `ns_live_${'o'.repeat(40)}`

if (process.argv[2] === 'doctor') {
  console.log(JSON.stringify({ checks: [{ name: 'kvm', level: 'failure', found: 'no /dev/kvm', fix: 'Load the module.' }] }))
  process.exit(1)
}
console.log(`stand-in for the daemon, driver ${driver}`)
if (manner === 'fail') {
  console.error('port 3000 is taken')
  process.exit(1)
}

let looks = 0
const server = createServer((request, response) => {
  const send = (status: number, body: unknown): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.url === '/healthz') return send(200, { status: 'ok' })
  if (request.headers.authorization !== `Bearer ${key}`) return send(401, { error: 'no', code: 'unauthorized' })
  looks += 1
  const shape = { template: 'base', vcpus: 2, memory_mb: 512 }
  const state = looks < 3 ? 'building' : manner === 'shape-failed' ? 'failed' : 'ready'
  return send(
    200,
    hostStatus({ pid: process.pid, shapes: [state === 'ready' ? { ...shape, state } : { ...shape, state, detail: 'kernel boots' }] }),
  )
})
server.listen(Number(port), '127.0.0.1', () => {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const record = {
    pid: process.pid,
    start_time: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    version: '0.1.0',
    client_config: manner === 'another-config' ? null : '/home/me/.config/nullspace/config.json',
  }
  writeFileSync(join(dataDir, 'operator-api-key'), `${key}\n`)
  writeFileSync(join(dataDir, 'daemon.json'), JSON.stringify(record))
})
process.on('SIGTERM', () => {
  console.log('draining')
  rmSync(join(dataDir, 'daemon.json'))
  setTimeout(() => process.exit(0), 150)
})
