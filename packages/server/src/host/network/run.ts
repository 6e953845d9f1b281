// Runs one system program: never through a shell, never past the op's deadline, and with an error a person can read.

import { execFile } from 'node:child_process'
import type { Op } from '../../observe/op.ts'

export class ProgramError extends Error {
  override readonly name = 'ProgramError'
  readonly program: string
  readonly exitCode: number | null
  readonly stderr: string
  constructor(text: string, { program, exitCode, stderr }: { program: string; exitCode: number | null; stderr: string }) {
    super(text)
    this.program = program
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

export class MissingProgramError extends Error {
  override readonly name = 'MissingProgramError'
  readonly program: string
  constructor(program: string) {
    super(`the program ${program} is not installed`)
    this.program = program
  }
}

// Service managers and user shells often leave the sbin directories out, and that is where ip, nft and mkfs live.
const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin` }

export interface RunOptions {
  /** Given on standard input; without it standard input is empty. */
  readonly input?: string
  readonly cwd?: string
}

/** Standard output. Rejects with ProgramError (non-zero exit), MissingProgramError, or the op's reason. */
export function run(op: Op, program: string, args: readonly string[], { input, cwd }: RunOptions = {}): Promise<string> {
  op.throwIfDone()
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const options = { env, signal: op.signal, killSignal: 'SIGKILL', maxBuffer: 32 << 20, ...(cwd === undefined ? {} : { cwd }) } as const
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      op.log(`${program} ${args.slice(0, 4).join(' ')} ${(performance.now() - startedAt).toFixed(0)} ms`)
      if (!error) return resolve(stdout)
      if (op.signal.aborted) return reject(op.signal.reason)
      if (error.code === 'ENOENT') return reject(new MissingProgramError(program))
      const exitCode = typeof error.code === 'number' ? error.code : null
      const how = exitCode === null ? `was ended by ${error.signal ?? error.code}` : `exited with ${exitCode}`
      reject(new ProgramError(`${program} ${how}${firstLines(stderr)}`, { program, exitCode, stderr }))
    })
    // A program that ends before it has read its input closes the pipe; its exit code says more than that.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input ?? '')
  })
}

function firstLines(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^\^+$/.test(line))
  return lines.length === 0 ? '' : `: ${lines.slice(0, 3).join('; ').slice(0, 400)}`
}
