// Answers about files that the fake daemon gives.

import type { FileInfo } from '@nullspace/contract/files.ts'
import type { UploadSession } from '@nullspace/contract/uploads.ts'

export function fileInfoOf(path: string, over: Partial<FileInfo> = {}): FileInfo {
  return {
    name: path.split('/').at(-1) ?? '',
    path,
    is_dir: false,
    size: 5,
    type: 'file',
    mode: '0644',
    permissions: '0644',
    owner: 'root',
    group: 'root',
    modified_time: '2026-11-01T10:00:00Z',
    ...over,
  }
}

const MB = 2 ** 20

export function uploadSession(over: Partial<UploadSession> = {}): UploadSession {
  return {
    upload_id: 'upl_1',
    kind: 'file',
    source_kind: 'restartable_file',
    target_path: '/workspace/a.bin',
    content_length: 10,
    accepted_bytes: 0,
    reserved_staging_bytes: 10,
    part_size: 4,
    part_count: 3,
    max_concurrency: 4,
    status: 'created',
    conflict: 'merge',
    checksum_algorithm: 'sha256',
    limits: { max_upload_bytes: 8192 * MB, max_part_bytes: 8 * MB, max_concurrency: 4, machine_staging_quota_bytes: 16384 * MB },
    created_at: '2026-11-01T10:00:00Z',
    updated_at: '2026-11-01T10:00:00Z',
    expires_at: '2026-11-02T10:00:00Z',
    next_part: 0,
    ...over,
  }
}
