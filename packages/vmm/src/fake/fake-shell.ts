// Programs of the fake guest. Nothing here reaches the host: a command is interpreted over values in memory, and what is
// not in the table does not exist.

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { FakeTree } from './fake-files-tree.ts'

/** What a program may touch. */
export interface Io {
  readonly pid: number
  readonly env: Map<string, string>
  readonly cwd: string
  /** Contents by absolute path. */
  readonly files: Pick<FakeTree, 'get' | 'set'>
  readonly hostname: string
  /** One more than the last time, as long as this guest and those forked from it live. */
  count(): number
  /** Aborted when a signal ends the program. */
  readonly signal: AbortSignal
  /** null at the end. */
  read(): Promise<Uint8Array | null>
  write(fd: 1 | 2, bytes: Uint8Array): Promise<void>
  /** A signal to itself; ends it. */
  raise(signal: number): never
  ignoreTerm(): void
}

export type Program = (args: readonly string[], io: Io) => Promise<number>

const PROGRAMS: Readonly<Record<string, Program>> = {
  true: () => Promise.resolve(0),
  false: () => Promise.resolve(1),
  sync: () => Promise.resolve(0),
  echo: async (args, io) => print(io, args[0] === '-n' ? args.slice(1).join(' ') : `${args.join(' ')}\n`),
  pwd: async (_, io) => print(io, `${io.cwd}\n`),
  hostname: async (_, io) => print(io, `${io.hostname}\n`),
  counter: async (_, io) => print(io, `${io.count()}\n`),
  env: async (_, io) => print(io, [...io.env].map(([key, value]) => `${key}=${value}\n`).join('')),
  printenv: async ([name = ''], io) => (io.env.has(name) ? print(io, `${io.env.get(name)}\n`) : 1),
  python3: async (args, io) =>
    args[0] === '--version' ? print(io, 'Python 3.11.2\n') : complain(io, 'python3: the fake guest only knows --version'),
  cat: async (args, io) => (args.length === 0 ? copyInput(io) : printFiles(args, io)),
  sleep: async ([seconds = '0'], io) => {
    await sleep(Number(seconds) * 1000, undefined, { signal: io.signal })
    return 0
  },
  yes: async ([word = 'y'], io) => {
    const block = Buffer.from(`${word}\n`.repeat(512))
    for (;;) {
      await io.write(1, block)
      await turn(undefined, { signal: io.signal })
    }
  },
  sh: runShell,
}
const DIRECTORIES = ['', '/bin/', '/usr/bin/']

/** null: there is no such program. */
export function findProgram(name: string): Program | null {
  const base = name.slice(name.lastIndexOf('/') + 1)
  return DIRECTORIES.includes(name.slice(0, name.length - base.length)) ? (PROGRAMS[base === 'bash' ? 'sh' : base] ?? null) : null
}

/** `sh -c SCRIPT`: lists with ; && ||, quotes, variables, exit, kill, trap '' TERM, and output to >&2 or a file. */
async function runShell(args: readonly string[], io: Io): Promise<number> {
  const script = /^-\w*c$/.test(args[0] ?? '') ? args[1] : undefined
  if (script === undefined) return complain(io, 'sh: the fake guest only knows sh -c')
  let status = 0
  for (const { joint, text } of splitList(script)) {
    if ((joint === '&&' && status !== 0) || (joint === '||' && status === 0)) continue
    const words = expand(text, io, status)
    if (words[0] === 'exit') return Number(words[1] ?? status)
    status = await runSimple(words, io)
  }
  return status
}

async function runSimple(all: string[], io: Io): Promise<number> {
  const { words, io: redirected } = redirect(all, io)
  const [name, ...args] = words
  const assignment = /^(\w+)=(.*)$/s.exec(name ?? '')
  if (assignment) {
    io.env.set(assignment[1] ?? '', assignment[2] ?? '')
    return 0
  }
  if (name === undefined || name === ':') return 0
  if (name === 'kill') return io.raise(Number((args[0] ?? '-15').slice(1)))
  if (name === 'trap') {
    io.ignoreTerm()
    return 0
  }
  const program = findProgram(name)
  if (program) return program(args, redirected)
  await complain(redirected, `sh: 1: ${name}: not found`)
  return 127
}

/** Takes `>&2`, `> file`, `>> file`, `2>/dev/null` and the like out of the words. */
function redirect(all: readonly string[], io: Io): { words: string[]; io: Io } {
  const words: string[] = []
  const sinks: Record<1 | 2, (bytes: Uint8Array) => Promise<void>> = { 1: (bytes) => io.write(1, bytes), 2: (bytes) => io.write(2, bytes) }
  for (let i = 0; i < all.length; i++) {
    const [, from, arrow, inline] = /^([12]?)(>>?)(.*)$/s.exec(all[i] ?? '') ?? []
    if (arrow === undefined) {
      words.push(all[i] ?? '')
      continue
    }
    const target = inline || (all[++i] ?? '')
    sinks[from === '2' ? 2 : 1] = target === '&2' ? sinks[2] : target === '&1' ? sinks[1] : fileSink(absolute(target, io), arrow, io)
  }
  return { words, io: { ...io, write: (fd, bytes) => sinks[fd](bytes) } }
}

function fileSink(path: string, arrow: string, io: Io): (bytes: Uint8Array) => Promise<void> {
  if (path === '/dev/null') return () => Promise.resolve()
  if (arrow === '>') io.files.set(path, '')
  return (bytes) => {
    io.files.set(path, (io.files.get(path) ?? '') + Buffer.from(bytes).toString())
    return Promise.resolve()
  }
}

function splitList(script: string): { joint: string; text: string }[] {
  const parts = script.split(/("(?:[^"\\]|\\.)*"|'[^']*'|&&|\|\||;|\n)/)
  const list = [{ joint: ';', text: '' }]
  for (const part of parts) {
    if (/^(&&|\|\||;|\n)$/.test(part)) list.push({ joint: part, text: '' })
    else (list.at(-1) ?? { text: '' }).text += part
  }
  return list
}

function expand(text: string, io: Io, status: number): string[] {
  const variables = (raw: string): string =>
    raw.replaceAll(/\$(?:\{(\w+)\}|(\w+)|([$?]))/g, (_, braced: string, plain: string, special: string) =>
      special === '$' ? `${io.pid}` : special === '?' ? `${status}` : (io.env.get(braced ?? plain) ?? ''),
    )
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"']+)/g, (_, double?: string, single?: string, bare?: string) =>
      single !== undefined ? single : variables(double ?? bare ?? ''),
    ),
  )
}

async function copyInput(io: Io): Promise<number> {
  for (let bytes = await io.read(); bytes !== null; bytes = await io.read()) await io.write(1, bytes)
  return 0
}

async function printFiles(paths: readonly string[], io: Io): Promise<number> {
  for (const path of paths) {
    const content = io.files.get(absolute(path, io))
    if (content === undefined) return complain(io, `cat: ${path}: No such file or directory`)
    await print(io, content)
  }
  return 0
}

async function print(io: Io, text: string): Promise<number> {
  await io.write(1, Buffer.from(text))
  return 0
}

async function complain(io: Io, text: string): Promise<number> {
  await io.write(2, Buffer.from(`${text}\n`))
  return 1
}

const absolute = (path: string, io: Io): string => (path.startsWith('/') ? path : `${io.cwd.replace(/\/$/, '')}/${path}`)
