// A guest's process that keeps one TCP connection open and speaks on it when it is told to.

import { expect, vi } from 'vitest'
import type { Machine } from './machine.ts'

const [ASK, ANSWER] = ['/dev/shm/ask', '/dev/shm/answer']

const PROGRAM = `
import errno, os, socket, sys, time
one = socket.create_connection((sys.argv[1], 7), 10)
open('${ANSWER}', 'w').write('open')
while True:
    if os.path.exists('${ASK}'):
        os.remove('${ASK}')
        try:
            one.sendall(b'hello')
            answer = one.recv(200).decode() or 'closed'
        except OSError as error:
            answer = errno.errorcode.get(error.errno, str(error))
        open('${ANSWER}.new', 'w').write(answer)
        os.rename('${ANSWER}.new', '${ANSWER}')
    time.sleep(0.02)
`

/** To the echo service of the test's internet. */
export async function openConnection(machine: Machine, address: string): Promise<void> {
  await machine.python('import sys; open("/root/connection.py", "w").write(sys.argv[1])', PROGRAM)
  await machine.background(`exec python3 /root/connection.py ${address}`)
  await answer(machine)
}

/** What comes back on it, or the name of the error that its next use ends with. */
export async function speak(machine: Machine): Promise<string> {
  await machine.text(`rm -f ${ANSWER}; touch ${ASK}`)
  return answer(machine)
}

function answer(machine: Machine): Promise<string> {
  return vi.waitFor(
    async () => {
      const { exit_code, stdout } = await machine.sh(`cat ${ANSWER}`)
      expect(exit_code).toBe(0)
      return stdout
    },
    { timeout: 30_000, interval: 50 },
  )
}
