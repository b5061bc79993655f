/** The part of the WebAssembly JavaScript API that we use; TypeScript has it only among the browser's types. */
declare namespace WebAssembly {
  type ExportValue = ((...parameters: number[]) => number) | Memory | object;

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Memory {
    private constructor();
    readonly buffer: ArrayBuffer;
    /** Adds pages of 64 KiB; throws RangeError where there is no more. */
    grow(pages: number): number;
  }

  class Instance {
    constructor(module: Module, imports: { readonly [module: string]: { readonly [name: string]: (...parameters: number[]) => number | void } });
    readonly exports: { readonly [name: string]: ExportValue };
  }
}
