// Asks a guest what it can reach. One program in the guest tries everything at once, so that what is refused in silence
// costs its time once.

import type { Machine } from './machine.ts'

export type Question = readonly ['tcp' | 'udp', string, number] | readonly ['name', string]

/** How long a guest waits for an answer that may never come. */
const WAIT_SECS = 2

const PROBE = `
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
wait, questions = json.loads(sys.argv[1])
def ask(question):
    kind, host, *port = question
    try:
        if kind == 'name':
            return 'got ' + socket.getaddrinfo(host, 1, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
        if kind == 'tcp':
            with socket.create_connection((host, port[0]), wait) as one:
                one.sendall(b'hello')
                return 'got ' + one.recv(200).decode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(wait)
            one.connect((host, port[0]))
            one.send(b'hello')
            return 'got ' + one.recv(200).decode()
    except OSError as error:
        return 'failed: ' + str(error)
with ThreadPoolExecutor(32) as pool:
    print(json.dumps(list(pool.map(ask, questions))))
`

/** `got …` with what came back, or `failed: …`, in the order of the questions. */
export async function probe(machine: Machine, questions: readonly Question[]): Promise<string[]> {
  return JSON.parse(await machine.python(PROBE, JSON.stringify([WAIT_SECS, questions]))) as string[]
}
