// Many files in one form: a manifest that says which part goes where, then the parts. Each is written or named with its error.

import { AppError } from '@nullspace/contract/errors.ts'
import { BatchManifest, type BatchResult } from '@nullspace/contract/files.ts'
import type { BodyPart, PartsBody } from '@nullspace/contract/route.ts'
import type { z } from 'zod'
import type { Principal } from '../domain/principal.ts'
import type { App } from './context.ts'
import { upload } from './files-upload.ts'
import { getMachine } from './machines.ts'

/** Of the manifest, and of parts that come before it, bytes. */
const MOST_HELD = 8 * 1024 * 1024
/** What is wrong with one file; anything else ends the whole. */
const OF_ONE_FILE: ReadonlySet<string> = new Set(['file_not_found', 'permission_denied', 'file_error', 'invalid_request'])

type Manifest = z.output<typeof BatchManifest>

export async function batchWrite(
  app: App,
  principal: Principal,
  machineId: string,
  { parts, signal }: PartsBody & { readonly signal: AbortSignal },
): Promise<BatchResult[]> {
  // A batch may hold no file at all.
  await getMachine(app, principal, machineId)
  const results = new Map<string, BatchResult>()
  const early = new Map<string, Buffer>()
  let room = MOST_HELD
  let manifest: Manifest | null = null

  const write = async ({ files, user }: Manifest, name: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    const path = files.find(({ field }) => field === name)?.path
    if (path === undefined) throw invalid(name, 'the manifest does not know this part')
    if (results.has(name)) throw invalid(name, 'the part came twice')
    results.set(name, await writeOne(app, principal, { machineId, user }, { path, bytes, signal }))
  }
  for await (const part of parts) {
    if (part.name === 'manifest' && !manifest) {
      manifest = manifestOf((await collect(part, MOST_HELD)).toString('utf8'))
      for (const [name, bytes] of early) await write(manifest, name, once(bytes))
    } else if (manifest) await write(manifest, part.name, part.bytes)
    else {
      if (early.has(part.name)) throw invalid(part.name, 'the part came twice')
      const bytes = await collect(part, room)
      room -= bytes.length
      early.set(part.name, bytes)
    }
  }
  if (!manifest) throw invalid('manifest', 'the form has no such part; it comes first')
  return manifest.files.map(
    ({ path, field }) => results.get(field) ?? { status: 'error', path, error: `The form has no part called ${field.slice(0, 100)}.` },
  )
}

async function writeOne(
  app: App,
  principal: Principal,
  place: { machineId: string; user: string | null | undefined },
  what: { path: string; bytes: AsyncIterable<Uint8Array>; signal: AbortSignal },
): Promise<BatchResult> {
  // What its source fails with is about the form and not about the file.
  let broken: unknown = null
  const watched = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* what.bytes
    } catch (error) {
      broken = error
      throw error
    }
  }
  try {
    return { status: 'success', path: what.path, info: await upload(app, principal, place, { ...what, bytes: watched() }) }
  } catch (error) {
    if (broken || !(error instanceof AppError) || !OF_ONE_FILE.has(error.code) || error.details?.['field'] === 'user') throw error
    return { status: 'error', path: what.path, error: error.message }
  }
}

function manifestOf(text: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalid('manifest', 'is not valid JSON', error)
  }
  const parsed = BatchManifest.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw invalid(['manifest', ...(issue?.path ?? [])].join('.'), issue?.message ?? 'is not valid')
  }
  const fields = parsed.data.files.map(({ field }) => field)
  const twice = fields.find((field, at) => fields.indexOf(field) !== at)
  if (twice !== undefined) throw invalid(`manifest: field ${twice}`, 'is named twice')
  return parsed.data
}

async function collect({ name, bytes }: BodyPart, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > most) throw invalid(name, name === 'manifest' ? 'is too long' : 'comes before the manifest, which must be the first part')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}

function invalid(field: string, what: string, cause?: unknown): AppError {
  return new AppError('invalid_request', { say: `${field.slice(0, 100)}: ${what}.`, details: { field: field.slice(0, 100) }, cause })
}
