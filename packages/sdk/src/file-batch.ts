// Many files in one form: a manifest that says which part goes where, then the parts.

import { batchWriteFiles, FileInfo as WireFileInfo } from '@nullspace/contract/files.ts'
import type { CallOptions, Client } from './client.ts'
import { piecesOf, type FileContent } from './content.ts'
import { MachineError } from './errors.ts'
import { fromWire, type Camel } from './naming.ts'

export type FileInfo = Camel<WireFileInfo>

export interface FileToWrite {
  readonly path: string
  readonly content: FileContent
}

export interface FailedWrite {
  readonly path: string
  /** Why, in words. */
  readonly error: string
}

/** Some files of several were not written. */
export class BatchWriteError extends MachineError {
  override readonly name = 'BatchWriteError'
  readonly successes: readonly FileInfo[]
  readonly failures: readonly FailedWrite[]

  constructor(successes: readonly FileInfo[], failures: readonly FailedWrite[]) {
    const [first] = failures
    super(`${failures.length} of ${successes.length + failures.length} files were not written; ${first?.path}: ${first?.error}`, {
      code: 'batch_write_partial_failure',
      retryable: false,
    })
    this.successes = successes
    this.failures = failures
  }
}

interface Part {
  readonly name: string
  readonly type: string
  readonly content: FileContent
}

const encoder = new TextEncoder()

export async function writeMany(
  client: Client,
  machineId: string,
  files: readonly FileToWrite[],
  { user, ...options }: CallOptions & { readonly user?: string | undefined },
): Promise<FileInfo[]> {
  if (files.length === 0) return []
  const parts = files.map(({ content }, index): Part => ({ name: `file${index}`, type: 'application/octet-stream', content }))
  const manifest = {
    files: files.map(({ path }, index) => ({ path, field: `file${index}` })),
    ...(user === undefined ? {} : { user }),
  }
  const form: Part[] = [{ name: 'manifest', type: 'application/json', content: JSON.stringify(manifest) }, ...parts]
  const boundary = `nullspace-${crypto.randomUUID()}`
  const content = { body: () => multipart(form, boundary), headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
  const { results } = await client.send(batchWriteFiles, { params: { id: machineId } }, content, options, { safety: 'never' })
  const successes: FileInfo[] = []
  const failures: FailedWrite[] = []
  for (const one of results) {
    if (one.status === 'success') successes.push(fromWire(WireFileInfo, one.info))
    else failures.push({ path: one.path, error: one.error })
  }
  if (failures.length > 0) throw new BatchWriteError(successes, failures)
  return successes
}

async function* multipart(parts: readonly Part[], boundary: string): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { name, type, content } of parts) {
    const disposition = `form-data; name="${name}"; filename="${name}"`
    yield encoder.encode(`--${boundary}\r\ncontent-disposition: ${disposition}\r\ncontent-type: ${type}\r\n\r\n`)
    yield* piecesOf(content)
    yield encoder.encode('\r\n')
  }
  yield encoder.encode(`--${boundary}--\r\n`)
}
