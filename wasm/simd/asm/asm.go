// Package asm assembles small WebAssembly modules whose functions work on an imported
// memory. It has only the instructions that the kernels of package simd need.
//
// Values are typed expressions: an [I32] or an [F32x4] contains the instructions that
// push one such value on the stack, and a method appends an instruction. A variable is an
// expression that can be set. So
//
//	sum.Set(sum.Add(x.LoadF32x4(0)))
//	x.Set(x.AddConst(16))
//
// adds the four numbers at address x to sum and advances x to the next four. Types
// distinguish the shapes of vectors, for which WebAssembly has only one type.
package asm

import (
	"encoding/binary"
	"math"
	"slices"
)

// Types of parameters, variables and results.
const (
	typeV128 = 0x7b
	typeF64  = 0x7c
	typeF32  = 0x7d
	typeI32  = 0x7f
)

// Module is a module under construction. It imports its memory as env.memory.
type Module struct {
	functions []*Func
}

// Func adds a function and exports it under the given name, unless that is "".
func (m *Module) Func(name string) *Func {
	f := &Func{name: name, index: len(m.functions)}
	m.functions = append(m.functions, f)
	return f
}

// Bytes returns the module in the binary format.
func (m *Module) Bytes() []byte {
	var types, functions, exports, bodies [][]byte
	for i, f := range m.functions {
		index := unsigned(nil, i)
		types = append(types, slices.Concat([]byte{0x60}, counted(f.params), counted(f.results)))
		functions = append(functions, index)
		if f.name != "" {
			exports = append(exports, slices.Concat(counted([]byte(f.name)), []byte{0x00}, index))
		}
		bodies = append(bodies, counted(f.body()))
	}
	memory := slices.Concat(counted([]byte("env")), counted([]byte("memory")), []byte{0x02, 0x00, 0x00})
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, types...),
		section(2, memory),
		section(3, functions...),
		section(7, exports...),
		section(10, bodies...),
	)
}

func section(id byte, entries ...[]byte) []byte {
	vector := append(unsigned(nil, len(entries)), slices.Concat(entries...)...)
	return append([]byte{id}, counted(vector)...)
}

// counted returns bytes with their length before them.
func counted(bytes []byte) []byte { return append(unsigned(nil, len(bytes)), bytes...) }

// unsigned appends a number in LEB128.
func unsigned(code []byte, n int) []byte { return binary.AppendUvarint(code, uint64(n)) }

// signed appends a number in signed LEB128.
func signed(code []byte, n int32) []byte {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(code, low)
		}
		code = append(code, low|0x80)
	}
}

// Func is a function under construction. Its methods append instructions.
type Func struct {
	name    string
	index   int
	params  []byte
	results []byte
	locals  []byte
	code    []byte
}

// body returns the function's entry in the code section.
func (f *Func) body() []byte {
	var groups [][]byte
	for rest := f.locals; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(t byte) bool { return t != rest[0] })
		if n < 0 {
			n = len(rest)
		}
		groups = append(groups, append(unsigned(nil, n), rest[0]))
		rest = rest[n:]
	}
	return slices.Concat(unsigned(nil, len(groups)), slices.Concat(groups...), f.code, []byte{0x0b})
}

// Value is any expression.
type Value interface{ instructions() []byte }

// expr is the common part of all expressions. Only a variable has f and index.
type expr struct {
	code  []byte
	f     *Func
	index int
}

func (e expr) instructions() []byte { return e.code }

func (e expr) set(v Value) {
	if e.f == nil {
		panic("asm: Set on an expression: want a variable")
	}
	e.f.emit(v.instructions(), unsigned([]byte{0x21}, e.index))
}

func (f *Func) emit(parts ...[]byte) {
	f.code = append(f.code, slices.Concat(parts...)...)
}

// op returns an expression: the operands, then an instruction.
func op(instruction []byte, operands ...Value) expr {
	var code []byte
	for _, operand := range operands {
		code = append(code, operand.instructions()...)
	}
	return expr{code: append(code, instruction...)}
}

// simd returns a vector instruction: its prefix, its number, its immediates.
func simd(opcode int, immediates ...byte) []byte {
	return append(unsigned([]byte{0xfd}, opcode), immediates...)
}

// at appends the immediates of a memory access: no alignment, and a constant offset in
// bytes.
func at(instruction []byte, offset int) []byte {
	return unsigned(append(instruction, 0), offset)
}

func (f *Func) param(t byte) expr {
	if len(f.locals) > 0 {
		panic("asm: parameter after a local variable")
	}
	f.params = append(f.params, t)
	return f.variable()
}

func (f *Func) local(t byte) expr {
	f.locals = append(f.locals, t)
	return f.variable()
}

// variable returns the last parameter or local variable.
func (f *Func) variable() expr {
	index := len(f.params) + len(f.locals) - 1
	return expr{unsigned([]byte{0x20}, index), f, index}
}

// Parameters, in the order of the calls, which come before those for local variables.
func (f *Func) I32Param() I32 { return I32{f.param(typeI32)} }
func (f *Func) F32Param() F32 { return F32{f.param(typeF32)} }

// Local variables; they start at zero.
func (f *Func) I32() I32     { return I32{f.local(typeI32)} }
func (f *Func) F32() F32     { return F32{f.local(typeF32)} }
func (f *Func) F64() F64     { return F64{f.local(typeF64)} }
func (f *Func) F32x4() F32x4 { return F32x4{f.local(typeV128)} }
func (f *Func) I32x4() I32x4 { return I32x4{f.local(typeV128)} }
func (f *Func) F64x2() F64x2 { return F64x2{f.local(typeV128)} }

// If runs then if the condition is not zero.
func (f *Func) If(condition I32, then func()) {
	f.emit(condition.code, []byte{0x04, 0x40})
	then()
	f.emit([]byte{0x0b})
}

// IfElse runs then if the condition is not zero, else otherwise.
func (f *Func) IfElse(condition I32, then, otherwise func()) {
	f.emit(condition.code, []byte{0x04, 0x40})
	then()
	f.emit([]byte{0x05})
	otherwise()
	f.emit([]byte{0x0b})
}

// While runs body as long as the condition is not zero.
func (f *Func) While(condition I32, body func()) {
	f.If(condition, func() { // tests at the end of the loop too, which saves a jump
		f.emit([]byte{0x03, 0x40})
		body()
		f.emit(condition.code, []byte{0x0d, 0x00, 0x0b})
	})
}

// For counts i from start, by step, while it is less than end.
func (f *Func) For(i, start, end, step I32, body func()) {
	i.Set(start)
	f.While(i.LessThan(end), func() {
		body()
		i.Set(i.Add(step))
	})
}

// Call calls a function without results.
func (f *Func) Call(callee *Func, arguments ...Value) {
	f.emit(op(unsigned([]byte{0x10}, callee.index), arguments...).code)
}

// Return sets the function's result. It must be the last instruction.
func (f *Func) Return(v Value) {
	switch v.(type) {
	case I32:
		f.results = []byte{typeI32}
	case F32:
		f.results = []byte{typeF32}
	case F64:
		f.results = []byte{typeF64}
	default:
		f.results = []byte{typeV128}
	}
	f.emit(v.instructions())
}

// StoreF32 stores a number at an address plus a constant offset in bytes.
func (f *Func) StoreF32(address I32, offset int, v F32) {
	f.emit(address.code, v.code, at([]byte{0x38}, offset))
}

// StoreF32x4 stores four numbers.
func (f *Func) StoreF32x4(address I32, offset int, v F32x4) {
	f.emit(address.code, v.code, at(simd(11), offset))
}

// StoreLane stores one of the four numbers.
func (f *Func) StoreLane(address I32, offset int, v F32x4, lane byte) {
	f.emit(address.code, v.code, at(simd(90), offset), []byte{lane})
}

// StorePair stores two of the four numbers: the first pair or the second.
func (f *Func) StorePair(address I32, offset int, v F32x4, pair byte) {
	f.emit(address.code, v.code, at(simd(91), offset), []byte{pair})
}

// I32 is a 32-bit integer or an address.
type I32 struct{ expr }

// Const returns a constant.
func Const(n int) I32 { return I32{expr{code: signed([]byte{0x41}, int32(n))}} }

func (a I32) Set(v I32)             { a.set(v) }
func (a I32) Add(b I32) I32         { return I32{op([]byte{0x6a}, a, b)} }
func (a I32) Sub(b I32) I32         { return I32{op([]byte{0x6b}, a, b)} }
func (a I32) Mul(b I32) I32         { return I32{op([]byte{0x6c}, a, b)} }
func (a I32) Div(b I32) I32         { return I32{op([]byte{0x6d}, a, b)} }
func (a I32) AddConst(n int) I32    { return a.Add(Const(n)) }
func (a I32) ShiftLeft(n int) I32   { return I32{op([]byte{0x74}, a, Const(n))} }
func (a I32) And(b I32) I32         { return I32{op([]byte{0x71}, a, b)} }
func (a I32) Equal(b I32) I32       { return I32{op([]byte{0x46}, a, b)} }
func (a I32) LessThan(b I32) I32    { return I32{op([]byte{0x48}, a, b)} }
func (a I32) GreaterThan(b I32) I32 { return I32{op([]byte{0x4a}, a, b)} }
func (a I32) AtLeast(b I32) I32     { return I32{op([]byte{0x4e}, a, b)} }
func (a I32) Min(b I32) I32         { return a.LessThan(b).Select(a, b) }

// Select returns yes if a is not zero, else no.
func (a I32) Select(yes, no I32) I32 { return I32{op([]byte{0x1b}, yes, no, a)} }

// Splat returns the number in all four lanes.
func (a I32) Splat() I32x4 { return I32x4{op(simd(17), a)} }

// Loads from the address a plus a constant offset in bytes.
func (a I32) LoadF32(offset int) F32     { return F32{op(at([]byte{0x2a}, offset), a)} }
func (a I32) LoadF32x4(offset int) F32x4 { return F32x4{op(at(simd(0), offset), a)} }

// LoadSplat loads one number into all four lanes.
func (a I32) LoadSplat(offset int) F32x4 { return F32x4{op(at(simd(9), offset), a)} }

// LoadFirst loads one number into the first lane; the others are zero.
func (a I32) LoadFirst(offset int) F32x4 { return F32x4{op(at(simd(92), offset), a)} }

// LoadPair loads two numbers into the first two lanes; the others are zero.
func (a I32) LoadPair(offset int) F32x4 { return F32x4{op(at(simd(93), offset), a)} }

// LoadLane returns v with one lane replaced by the number at the address.
func (a I32) LoadLane(offset int, v F32x4, lane byte) F32x4 {
	return F32x4{op(append(at(simd(86), offset), lane), a, v)}
}

// LoadByte returns v with one of its 16 bytes replaced by that at the address.
func (a I32) LoadByte(offset int, v I32x4, lane byte) I32x4 {
	return I32x4{op(append(at(simd(84), offset), lane), a, v)}
}

// LoadFourBytes loads four bytes into the first lane; the others are zero.
func (a I32) LoadFourBytes(offset int) I32x4 { return I32x4{op(at(simd(92), offset), a)} }

// F32 is a float32.
type F32 struct{ expr }

func (a F32) Set(v F32)          { a.set(v) }
func (a F32) Splat() F32x4       { return F32x4{op(simd(19), a)} }
func (a F32) NotEqual(b F32) I32 { return I32{op([]byte{0x5c}, a, b)} }

// ConstF32 returns a constant.
func ConstF32(x float32) F32 {
	return F32{expr{code: binary.LittleEndian.AppendUint32([]byte{0x43}, math.Float32bits(x))}}
}

// F64 is a float64.
type F64 struct{ expr }

func (a F64) Set(v F64)     { a.set(v) }
func (a F64) Add(b F64) F64 { return F64{op([]byte{0xa0}, a, b)} }

// F32x4 is a vector of four float32. Comparisons return lanes with all bits
// set or none.
type F32x4 struct{ expr }

// Splat returns a constant in all four lanes.
func Splat(x float32) F32x4 {
	bits := binary.LittleEndian.AppendUint32(nil, math.Float32bits(x))
	return F32x4{expr{code: simd(12, slices.Repeat(bits, 4)...)}}
}

func (a F32x4) Set(v F32x4)               { a.set(v) }
func (a F32x4) Add(b F32x4) F32x4         { return F32x4{op(simd(0xe4), a, b)} }
func (a F32x4) Sub(b F32x4) F32x4         { return F32x4{op(simd(0xe5), a, b)} }
func (a F32x4) Mul(b F32x4) F32x4         { return F32x4{op(simd(0xe6), a, b)} }
func (a F32x4) Div(b F32x4) F32x4         { return F32x4{op(simd(0xe7), a, b)} }
func (a F32x4) Abs() F32x4                { return F32x4{op(simd(0xe0), a)} }
func (a F32x4) Neg() F32x4                { return F32x4{op(simd(0xe1), a)} }
func (a F32x4) Sqrt() F32x4               { return F32x4{op(simd(0xe3), a)} }
func (a F32x4) Nearest() F32x4            { return F32x4{op(simd(0x6a), a)} }
func (a F32x4) LessThan(b F32x4) I32x4    { return I32x4{op(simd(67), a, b)} }
func (a F32x4) GreaterThan(b F32x4) I32x4 { return I32x4{op(simd(68), a, b)} }
func (a F32x4) AtMost(b F32x4) I32x4      { return I32x4{op(simd(69), a, b)} }

// PseudoMax returns b where a is less than b, else a, so a NaN in a stays. Unlike max, it
// is one instruction on most machines.
func (a F32x4) PseudoMax(b F32x4) F32x4 { return F32x4{op(simd(235), a, b)} }

// MulAdd returns a·b + c, rounded once or twice, depending on the machine. It requires
// relaxed SIMD.
func (a F32x4) MulAdd(b, c F32x4) F32x4 { return F32x4{op(simd(0x105), a, b, c)} }

// Masked returns a where the mask's bits are set, else 0.
func (a F32x4) Masked(mask I32x4) F32x4 { return F32x4{op(simd(78), a, mask)} }

// Unmasked returns 0 where the mask's bits are set, else a.
func (a F32x4) Unmasked(mask I32x4) F32x4 { return F32x4{op(simd(79), a, mask)} }

// TruncSat converts to integers, towards zero; NaN becomes 0.
func (a F32x4) TruncSat() I32x4 { return I32x4{op(simd(248), a)} }

// Lane returns one of the four numbers.
func (a F32x4) Lane(lane byte) F32 { return F32{op(simd(31, lane), a)} }

// Shuffle returns four lanes selected from a (0 to 3) and b (4 to 7).
func (a F32x4) Shuffle(b F32x4, lanes ...byte) F32x4 {
	var bytes []byte
	for _, lane := range lanes {
		bytes = append(bytes, 4*lane, 4*lane+1, 4*lane+2, 4*lane+3)
	}
	return F32x4{op(simd(13, bytes...), a, b)}
}

// PromoteLow converts the first two lanes to float64.
func (a F32x4) PromoteLow() F64x2 { return F64x2{op(simd(95), a)} }

// I32x4 is a vector of four 32-bit integers, or a mask.
type I32x4 struct{ expr }

// SplatI32 returns a constant in all four lanes.
func SplatI32(n int32) I32x4 {
	bits := binary.LittleEndian.AppendUint32(nil, uint32(n))
	return I32x4{expr{code: simd(12, slices.Repeat(bits, 4)...)}}
}

// Lanes contains the number of each lane: 0, 1, 2, 3.
var Lanes = I32x4{expr{code: simd(12, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0)}}

func (a I32x4) Set(v I32x4)            { a.set(v) }
func (a I32x4) Add(b I32x4) I32x4      { return I32x4{op(simd(174), a, b)} }
func (a I32x4) Sub(b I32x4) I32x4      { return I32x4{op(simd(177), a, b)} }
func (a I32x4) LessThan(b I32x4) I32x4 { return I32x4{op(simd(57), a, b)} }
func (a I32x4) ShiftLeft(n int) I32x4  { return I32x4{op(simd(171), a, Const(n))} }
func (a I32x4) ShiftRight(n int) I32x4 { return I32x4{op(simd(172), a, Const(n))} }

// AsF32x4 returns the same bits as floating-point numbers.
func (a I32x4) AsF32x4() F32x4 { return F32x4{expr{code: a.code}} }

// Convert converts to floating-point numbers.
func (a I32x4) Convert() F32x4 { return F32x4{op(simd(250), a)} }

// Choose returns yes where the mask's bits are set, else no.
func (a I32x4) Choose(yes, no F32x4) F32x4 { return F32x4{op(simd(82), yes, no, a)} }

// ExtendBytes converts the first four bytes to integers from 0 to 255.
func (a I32x4) ExtendBytes() I32x4 {
	return I32x4{op(slices.Concat(simd(137), simd(169)), a)}
}

// F64x2 is a vector of two float64.
type F64x2 struct{ expr }

func (a F64x2) Set(v F64x2)        { a.set(v) }
func (a F64x2) Add(b F64x2) F64x2  { return F64x2{op(simd(240), a, b)} }
func (a F64x2) Lane(lane byte) F64 { return F64{op(simd(33, lane), a)} }
