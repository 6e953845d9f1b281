// Commands in a real guest: what goes in arrives as it was, what comes out is told as it was, and nothing of a command
// outlives its time.

import { until } from '@nullspace/vmm/exam/until.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ExecInput } from './lib/client.ts'
import { useLifecycles } from './lib/each-lifecycle.ts'
import { residentBytes } from './lib/host.ts'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const eachLifecycle = useLifecycles(shared, { envs: { FROM_CREATE: 'create', BOTH: 'create' }, cwd: '/srv' })
const MIB = 1024 * 1024

let machine: Machine
beforeAll(async () => {
  machine = await shared.machine({ envs: { FROM_CREATE: 'create', BOTH: 'create' } })
})

/** Without the process id, which is another each time. */
async function run(input: ExecInput): Promise<unknown> {
  const { status, body } = await machine.exec(input)
  const { pid: _pid, ...rest } = body
  return status === 200 ? rest : { status, code: body.code, error: body.error }
}

describe('how a command ends', () => {
  test.each([
    { command: 'true', ends: 0 },
    { command: 'exit 3', ends: 3 },
    { command: 'exit 255', ends: 255 },
    { command: 'kill -TERM $$', ends: 143 },
    { command: 'kill -KILL $$', ends: 137 },
    { command: 'kill -SEGV $$', ends: 139 },
  ])('$command: $ends', async ({ command, ends }) => {
    expect(await run({ command, shell: true })).toEqual({ exit_code: ends, stdout: '', stderr: '' })
  })

  test('both outputs are kept apart', async () => {
    expect(await run({ command: 'echo out; echo err >&2', shell: true })).toEqual({ exit_code: 0, stdout: 'out\n', stderr: 'err\n' })
  })

  test('it gets no input, and its end at once', async () => {
    expect(await run({ command: 'wc -c; readlink /proc/self/fd/0', shell: true })).toMatchObject({ exit_code: 0, stdout: '0\n/dev/null\n' })
  })

  test('a daemon that keeps the output open does not keep the answer back', async () => {
    const { stdout } = await machine.sh('(setsid sh -c "echo \\$\\$; exec sleep 300" &) ; sleep 0.2; echo done', { timeout_secs: 20 })
    const [pid, last] = stdout.trim().split('\n')
    expect(last).toBe('done')
    expect(await machine.text(`cat /proc/${pid}/comm; kill ${pid}`)).toBe('sleep')
  })
})

describe('what it gets', () => {
  const awkward = [
    '',
    ' ',
    'two words',
    '"double"',
    "'single'",
    'back\\slash',
    'line\nbreak\r\n',
    'tab\t',
    '$HOME `id` $(id)',
    '*?[a]',
    '--',
    '-n',
    'zażółć 😀 \u{1F1E9}\u0301',
    '\u001b[31m',
    'x'.repeat(100_000),
  ]

  test('arguments arrive byte for byte', async () => {
    const { body } = await machine.exec({ command: 'printf', args: ['%s\\0', ...awkward] })
    expect(body.stdout.split('\0').slice(0, -1)).toEqual(awkward)
  })

  eachLifecycle('also in variables, and a command’s own come before the machine’s', async (one) => {
    const value = awkward.slice(0, -1).join('')
    const envs = { AWKWARD: value, BOTH: 'exec' }
    expect((await one.sh('printf %s "$AWKWARD|$BOTH|$FROM_CREATE|$HOME|$PATH"', { envs })).stdout).toBe(
      `${value}|exec|create|/root|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    )
  })

  eachLifecycle('the working directory is the one of the machine, or the one asked for', async (one) => {
    expect([await one.text('pwd'), await one.text('pwd', { cwd: '/usr/../etc/' })]).toEqual(['/srv', '/etc'])
  })

  test('without a wish it is /workspace', async () => {
    expect(await machine.text('pwd')).toBe('/workspace')
  })
})

describe('what cannot be run is refused with its reason', () => {
  beforeAll(async () => {
    await machine.text('echo plain > /workspace/plain; printf "#!/no/such/thing\\n" > /workspace/orphan; chmod +x /workspace/orphan')
  })

  test.each<{ what: string; input: ExecInput; status: number; code: string; says: string }>([
    {
      what: 'a working directory that is not there',
      input: { command: 'true', cwd: '/no/such' },
      status: 400,
      code: 'invalid_request',
      says: '/no/such',
    },
    {
      what: 'a working directory that is a file',
      input: { command: 'true', cwd: '/etc/passwd' },
      status: 400,
      code: 'invalid_request',
      says: '/etc/passwd',
    },
    {
      what: 'a relative working directory',
      input: { command: 'true', cwd: 'here' },
      status: 400,
      code: 'invalid_request',
      says: 'absolute',
    },
    {
      what: 'the reserved directory',
      input: { command: 'true', cwd: '/workspace/.nullspace/x' },
      status: 400,
      code: 'invalid_request',
      says: 'reserved',
    },
    { what: 'an unknown program', input: { command: 'no-such-program' }, status: 502, code: 'exec_failed', says: 'no-such-program' },
    { what: 'a path to nothing', input: { command: '/no/such/program' }, status: 502, code: 'exec_failed', says: '/no/such/program' },
    {
      what: 'a file that is no program',
      input: { command: '/workspace/plain' },
      status: 502,
      code: 'exec_failed',
      says: '/workspace/plain',
    },
    { what: 'a directory', input: { command: '/workspace' }, status: 502, code: 'exec_failed', says: '/workspace' },
    {
      what: 'a script without its interpreter',
      input: { command: '/workspace/orphan' },
      status: 502,
      code: 'exec_failed',
      says: 'interpreter',
    },
    { what: 'a command line as a program', input: { command: 'echo hello' }, status: 502, code: 'exec_failed', says: 'echo hello' },
    {
      what: 'a longer argument than the kernel takes',
      input: { command: 'true', args: ['x'.repeat(200_000)] },
      status: 400,
      code: 'invalid_request',
      says: '131071',
    },
    { what: 'nothing', input: { command: '' }, status: 400, code: 'invalid_request', says: 'command' },
    { what: 'a zero byte', input: { command: 'echo', args: ['a\0b'] }, status: 400, code: 'invalid_request', says: 'NUL' },
    { what: 'no time at all', input: { command: 'true', timeout_secs: 0 }, status: 400, code: 'invalid_request', says: 'timeout_secs' },
  ])('$what', async ({ input, status, code, says }) => {
    expect(await run(input)).toEqual({ status, code, error: expect.stringContaining(says) })
  })

  test('in a shell it is the shell that says so', async () => {
    expect(await run({ command: 'no-such-program', shell: true })).toMatchObject({
      exit_code: 127,
      stderr: expect.stringContaining('not found'),
    })
    expect(await run({ command: './plain', shell: true })).toMatchObject({ exit_code: 126, stderr: expect.stringContaining('denied') })
  })
})

describe('the end of its time', () => {
  /** Names of processes in the guest that carry the mark. */
  const marked = (mark: string): Promise<string> => machine.text(`ps -eo args | grep -v grep | grep '${mark}' || true`)

  test('ends the whole group, and what was printed is told', async () => {
    const { status, body } = await machine.exec({
      command: 'echo before; (sleep 4711 & sleep 4711 | sleep 4711) & sleep 4711',
      shell: true,
      timeout_secs: 1.5,
    })
    expect({ status, code: body.code, details: body.details }).toEqual({
      status: 504,
      code: 'exec_timeout',
      details: { stdout: 'before\n', stderr: '' },
    })
    expect(await marked('sleep 4711')).toBe('')
  })

  test('also for one that ignores SIGTERM', async () => {
    const { status, body } = await machine.exec({ command: `trap '' TERM; while :; do sleep 4712; done`, shell: true, timeout_secs: 1 })
    expect([status, body.code]).toEqual([504, 'exec_timeout'])
    expect(await marked('sleep 4712')).toBe('')
  })

  test('one that ends by itself on SIGTERM has timed out all the same', async () => {
    const { status, body } = await machine.exec({
      command: 'trap "echo bye; exit 0" TERM; while :; do sleep 0.1; done',
      shell: true,
      timeout_secs: 1,
    })
    expect([status, body.details]).toEqual([504, expect.objectContaining({ stdout: 'bye\n' })])
  })
})

describe('much output, and of any kind', () => {
  test('200 MB: the first 2 MiB are kept, the rest is counted, the daemon does not grow with it', async () => {
    const command = 'head -c 1000000 /dev/zero | tr "\\0" x > million; exec cat $(yes million | head -n 200)'
    // What is kept exists a few times over on its way out: as chunks, as one buffer, as a string, as JSON. Other tests
    // use the same daemon meanwhile, so the least growth of up to three runs is what counts.
    let least = Number.POSITIVE_INFINITY
    for (let run = 0; run < 3 && least >= 160 * MIB; run++) {
      const before = residentBytes(shared.pid)
      let peak = before
      const watch = setInterval(() => (peak = Math.max(peak, residentBytes(shared.pid))), 50)
      const { body } = await machine.exec({ command, shell: true, timeout_secs: 120 }).finally(() => clearInterval(watch))
      expect(body).toMatchObject({ exit_code: 0, stderr: '', stdout_dropped_bytes: 200_000_000 - 2 * MIB })
      expect(body.stdout).toHaveLength(2 * MIB)
      least = Math.min(least, peak - before)
    }
    expect(least).toBeLessThan(160 * MIB)
  })

  eachLifecycle('the limit is each stream’s own, and cuts no character in two', async (one) => {
    const body = await one.sh(`python3 -c "import sys; sys.stderr.write('x' + 'é' * (5 << 20)); print('short')"`, { timeout_secs: 60 })
    expect(body).toMatchObject({ exit_code: 0, stdout: 'short\n' })
    expect(body.stdout_dropped_bytes).toBeUndefined()
    expect(body.stderr_dropped_bytes).toBe(1 + 2 * (5 << 20) - 2 * MIB)
    expect([body.stderr.length, body.stderr.slice(-2)]).toEqual([1 + (2 * MIB - 2) / 2, 'éé'])
  })

  test('bytes that are no text become replacement characters', async () => {
    const { body } = await machine.exec({ command: 'printf "a\\377\\376b\\000c\\200"', shell: true })
    expect(body.stdout).toBe('a\ufffd\ufffdb\0c\ufffd')
  })

  test('noise is an answer like any other', async () => {
    const { status, body } = await machine.exec({
      command: 'head -c 1000000 /dev/urandom | tee /dev/stderr',
      shell: true,
      timeout_secs: 60,
    })
    expect([status, body.exit_code]).toEqual([200, 0])
    expect(body.stdout).toBe(body.stderr)
  })
})

describe('many at once', () => {
  eachLifecycle('twenty commands each get their own answer', async (one) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const { body } = await one.exec({
          command: `echo ${n}; echo ${n} >&2; sleep 0.$((${n} % 5)); exit ${n}`,
          shell: true,
          timeout_secs: 60,
        })
        return [body.exit_code, body.stdout, body.stderr]
      }),
    )
    expect(answers).toEqual(answers.map((_, n) => [n, `${n}\n`, `${n}\n`]))
  })

  test('a caller that goes away takes only his own answer with him', async () => {
    const gone = new AbortController()
    const left = fetch(`${shared.client.url}/v1/machines/${machine.id}/exec`, {
      method: 'POST',
      signal: gone.signal,
      headers: { authorization: `Bearer ${shared.client.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ command: 'touch /workspace/begun; sleep 1; touch /workspace/ended', shell: true }),
    })
    left.catch(() => {})
    await until(
      () => machine.sh('test -e /workspace/begun'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000, what: 'the command began' },
    )
    gone.abort()
    await expect(left).rejects.toThrow(/abort/i)
    await until(
      () => machine.sh('test -e /workspace/ended'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000, what: 'the command went on' },
    )
  })
})
