import { expect, test } from 'vitest'
import { describeDriver } from '../exam/describe-driver.ts'
import { qemuExaminee, testImages } from './examinee.ts'

if (testImages) describeDriver('qemu', () => qemuExaminee(testImages ?? ''))
else test.skip('driver exam: qemu; set NULLSPACE_TEST_IMAGES to a directory with a guest', () => expect(testImages).toBeDefined())
