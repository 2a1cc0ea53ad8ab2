package protocol

// KernelBench is the reply to TypeBenchKernels: the speed of the matrix
// products of a training step of 3072-512-128-512-3072 at batch 128, and what
// such a step spends its time on.
type KernelBench struct {
	Products []ProductBench `json:"products"`
	Step     []StepBench    `json:"step"` // of each kernel but "go"
}

// ProductBench is the speed of one matrix product.
type ProductBench struct {
	Kernel  string    `json:"kernel"` // "relaxed-simd", "simd" or "go"
	Pass    string    `json:"pass"`   // "forward", "kernel gradient" or "input gradient"
	M       int       `json:"m"`      // rows, columns and depth of the product
	N       int       `json:"n"`
	K       int       `json:"k"`
	GFLOPS  Quartiles `json:"gflops"` // 10⁹ floating-point operations per second
	OfPeak  Quartiles `json:"ofPeak"` // share of the register-only peak, measured just before; 0 for "go"
	PeakGFs float64   `json:"peak"`   // median of that peak, in the unit of GFLOPS
}

// StepBench is what a training step spends its time on.
type StepBench struct {
	Kernel string     `json:"kernel"`
	MS     Quartiles  `json:"ms"`
	GFLOPS Quartiles  `json:"gflops"`
	OfPeak Quartiles  `json:"ofPeak"`
	Parts  []StepPart `json:"parts"`
}

// StepPart is a part of a step.
type StepPart struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"` // of the step's time
}

// Quartiles are a median and its spread: a quarter of the measurements is
// below Low, a quarter above High.
type Quartiles struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}
