"""Processor cores as targets: compiler and options, emulator, and how a program there counts, prints and ends."""

from __future__ import annotations

from dataclasses import dataclass

ARM_LINKER = """\
ENTRY(reset)
MEMORY { flash (rx) : ORIGIN = @FLASH@, LENGTH = 4M  ram (rwx) : ORIGIN = @RAM@, LENGTH = 2M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) . = ALIGN(4); } > flash
  .ARM.exidx : { *(.ARM.exidx*) } > flash
  .data : { start_of_data = .; *(.data*) . = ALIGN(4); end_of_data = .; } > ram AT > flash
  source_of_data = LOADADDR(.data);
  .bss (NOLOAD) : { start_of_bss = .; *(.bss*) *(COMMON) . = ALIGN(4); end_of_bss = .; } > ram
  end = .;
  top_of_stack = ORIGIN(ram) + LENGTH(ram);
}
"""
ARM_START = """\
#include <stdint.h>
extern uint32_t start_of_data[], end_of_data[], source_of_data[], start_of_bss[], end_of_bss[], top_of_stack[];
int main(void);
static int call(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
void print(const char *text) { call(4, text); }
void finish(void) { call(0x18, (const void *)0x20026); for (;;) { } }
/* Timer 0 of the board: 32 bits, downwards. */
static volatile uint32_t *const timer = (volatile uint32_t *)@TIMER@;
void start_counting(void)
{
    timer[0] = 0;
    timer[2] = 0xFFFFFFFF;
    timer[1] = 0xFFFFFFFF;
    timer[0] = 1;
}
uint32_t counted(void) { return 0xFFFFFFFF - timer[1]; }
__attribute__((noreturn)) void reset(void)
{
    uint32_t *from = source_of_data, *to = start_of_data;
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* floating point on, where there is such a unit */
    while (to < end_of_data) *to++ = *from++;
    for (to = start_of_bss; to < end_of_bss; to++) *to = 0;
    main();
    finish();
    for (;;) { }
}
struct vectors { uint32_t *stack; void (*reset)(void); };
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {top_of_stack, reset};
"""
RISCV_LINKER = """\
ENTRY(reset)
MEMORY { ram (rwx) : ORIGIN = 0x80000000, LENGTH = 8M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata* .srodata*) } > ram
  .data : { *(.data* .sdata*) } > ram
  .bss (NOLOAD) : { *(.bss* .sbss*) *(COMMON) } > ram
  top_of_stack = ORIGIN(ram) + LENGTH(ram);
}
"""
RISCV_START = """\
#include <stdint.h>
int main(void);
void print(const char *text) { while (*text) *(volatile uint8_t *)0x10000000 = (uint8_t)*text++; }
void finish(void) { *(volatile uint32_t *)0x100000 = 0x5555; for (;;) { } }
static uint32_t before;
static uint32_t instructions(void)
{
    uint32_t n;
    __asm__ volatile(".option push; .option arch, +zicsr; csrr %0, minstret; .option pop" : "=r"(n));
    return n;
}
void start_counting(void) { before = instructions(); }
uint32_t counted(void) { return instructions() - before; }
__attribute__((section(".vectors"), naked)) void reset(void)
{
    __asm__ volatile("la sp, top_of_stack\\n call main\\n call finish");
}
"""


@dataclass(frozen=True)
class Target:
    """A core that programs can be compiled for and run on."""

    core: str  # as makeweight.designs.chips calls it
    compiler: str
    options: tuple[str, ...]
    emulator: tuple[str, ...]
    linker: str
    start: str
    tick: int = 1  # instructions for one count: an instruction takes a nanosecond of the emulator's time


_RISCV = ("qemu-system-riscv32", "-M", "virt", "-bios", "none")


def _arm(
    core: str, board: str, *options: str, flash: str = "0", ram: str = "0x20000000", timer: str = "0x40000000",
    tick: int = 40,
) -> Target:  # fmt: skip
    """Describe an Arm core on an emulated board, a tick of whose timer takes so many nanoseconds."""
    compiling = ("-mthumb", f"-mcpu={core}", *options, "--specs=nosys.specs")
    emulator = ("qemu-system-arm", "-M", board, "-semihosting-config", "enable=on,target=native")
    linker = ARM_LINKER.replace("@FLASH@", flash).replace("@RAM@", ram)
    start = ARM_START.replace("@TIMER@", timer)
    return Target(core, "arm-none-eabi-gcc", compiling, emulator, linker, start, tick)


_HARD = ("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16")
TARGETS = {
    target.core: target
    for target in (
        # Armv6-M is a subset of what the emulated M4 executes, so the count is the same there.
        _arm("cortex-m0plus", "mps2-an386"),
        _arm("cortex-m4", "mps2-an386", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        _arm("cortex-m33", "mps2-an505", *_HARD, flash="0x10000000", ram="0x38000000", timer="0x50000000", tick=50),
        _arm("cortex-m7", "mps2-an500", *_HARD),
        Target(
            "rv32imc",
            "riscv64-unknown-elf-gcc",
            ("-march=rv32imc", "-mabi=ilp32", "-mcmodel=medany", "--specs=picolibc.specs"),
            _RISCV,
            RISCV_LINKER,
            RISCV_START,
        ),
    )
}
