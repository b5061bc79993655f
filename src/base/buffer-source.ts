/** Where memory comes from that is of use for a batch alone. It is not zeroed; offsets are multiples of 8. */
export interface BufferSource {
  take(bytes: number): Uint8Array<ArrayBuffer>;
}

/** Memory of its own for each buffer (from Node's pool where it is small), freed when nobody refers to it. */
export const freshBuffers: BufferSource = {
  take: (bytes) => {
    const { buffer, byteOffset } = Buffer.allocUnsafe(bytes);
    return new Uint8Array(buffer, byteOffset, bytes);
  },
};
