// The smallest guest that cannot pass by accident: firmware that turns on paging and 64-bit mode, runs tens of millions
// of instructions there, and only then says so. Real hardware needs 10 ms; a KVM that never leaves its instruction
// emulator, which exists, needs minutes.

/** Exit code of QEMU when the guest got through: isa-debug-exit makes (value << 1) | 1 of the value written. */
export const PASSED_EXIT_CODE = (0x2a << 1) | 1

const CODE = [
  'fa 31c0 8ed8 8ec0', //             cli; ds = es = 0
  'bf0010 b90030 fc f3aa', //         clear page tables at 0x1000–0x3fff
  '66c706001003200000', //            level 4 -> 0x2000
  '66c706002003300000', //            level 3 -> 0x3000
  '66c706003083000000', //            level 2: first 2 MiB as they are
  'b800f0 8ed8 be7900 bf0080', //     from f000:0079 to 0000:8000,
  'b91000 f3a4', //                   the 16 bytes of 64-bit code
  '2e660f0116a000', //                load the descriptor table
  '31c0 8ed8',
  '66b800100000 0f22d8', //           cr3 = 0x1000
  '66b820000000 0f22e0', //           cr4 = physical address extension
  '66b9800000c0 0f32', //             extended features:
  '660d00010000 0f30', //             long mode
  '66b801000080 0f22c0', //           cr0 = protection and paging
  '66ea008000000800', //              far jump into 64-bit code
  'b9002d3101 ffc9 75fc', //          20,000,000 times round
  'b02a e6f4', //                     0x2a to port 0xf4
  'f4 ebfd 8db40000 8d7400', //     stay
  '0000000000000000', //              descriptor table: nothing,
  '00000000009b2000', //              64-bit code, accessed (the table is in ROM)
  '0f00 90000f00', //                 its size and address
].join('')

const RESET_VECTOR = 'ea 0000 00f0' // jump to f000:0000

export function probeFirmware(): Buffer {
  const image = Buffer.alloc(64 * 1024)
  image.write(CODE.replaceAll(' ', ''), 0, 'hex')
  image.write(RESET_VECTOR.replaceAll(' ', ''), image.length - 16, 'hex')
  return image
}
