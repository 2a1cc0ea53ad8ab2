// Package protocol defines every message between the page and its training
// worker.
//
// A message is a type, a JSON body and byte buffers that change hands without being
// copied (transferables): the long lists of the body. [New] makes a message of any body,
// and [Decode] returns the body. The page sends commands, each with
// an id; the worker answers every command with one [Reply] of the same id
// once it has taken effect. Beside the replies the worker sends [Ready]
// once, [Loading] while a data set is read, [Saved] when the run is saved, and
// [Frame] whenever there is something new to show. The page answers each frame
// with [Seen]; the worker never has more than one unseen frame under way, so a slow
// page slows nothing down and no queue grows.
package protocol

import (
	"encoding/json"
	"fmt"

	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// Type tells messages apart.
type Type string

// Commands of the page.
const (
	// TypeLoad asks for a data set; the body is a Load. A File that the user
	// chose travels beside the body. The reply's body is a Dataset.
	TypeLoad Type = "load"
	// TypeConfigure starts a new run; the body is a Configure.
	TypeConfigure Type = "configure"
	// TypeAdjust changes what can change within a run; the body is an Adjust. Like the
	// three that follow, it is answered after the batch under way, with a Frame: where the
	// run is then.
	TypeAdjust Type = "adjust"
	// TypePlay trains until the run is done or paused.
	TypePlay Type = "play"
	// TypePause stops training after the batch under way.
	TypePause Type = "pause"
	// TypeStep trains on one batch.
	TypeStep Type = "step"
	// TypePace chooses how fast TypePlay trains; the body is a Pace.
	TypePace Type = "pace"
	// TypeWatch chooses the validation images that frames show; the body is
	// a Watch.
	TypeWatch Type = "watch"
	// TypeReconstruct runs one image through the autoencoder; the body is a Pictures,
	// and so is the reply's.
	TypeReconstruct Type = "reconstruct"
	// TypeEncode runs one image through the encoder; the body is a Pictures, the
	// reply's a Codes.
	TypeEncode Type = "encode"
	// TypeDecode runs one code through the decoder; the body is a Codes, the reply's
	// a Pictures.
	TypeDecode Type = "decode"
	// TypeExport asks for the model in a format; the body is an Export. The
	// reply carries a file.
	TypeExport Type = "export"
	// TypeImport replaces the run by one from a file, which travels beside the
	// body, an Import. The reply's body is an Imported. Where the file is bad, the
	// run stays.
	TypeImport Type = "import"
	// TypeKeep has the worker save its run under a slot every few seconds while it
	// changes, for this visit and the next; the body is a Keep. The reply's body is
	// a Left; it may take a while.
	TypeKeep Type = "keep"
	// TypeSave asks for the run to be saved at once. It has no reply.
	TypeSave Type = "save"
	// TypeResume replaces the run by a saved one; the body is a Resume, the reply's
	// an Imported. Where that cannot go on, the run stays.
	TypeResume Type = "resume"
	// TypeDiscard forgets what is saved under a slot; the body is a Keep.
	TypeDiscard Type = "discard"
	// TypeImages asks for validation images; the body is an Images, the reply's a
	// Pictures.
	TypeImages Type = "images"
	// TypeUnit asks what a latent unit does on the validation images; the body is a
	// Unit, the reply's a UnitDetail.
	TypeUnit Type = "unit"
	// TypeMap asks for the codes of all validation images on the plane of their
	// first two principal components; there is no body. The reply's body is a Map.
	TypeMap Type = "map"
	// TypeUnusual asks how one image compares with the validation images for the
	// model; the body is a Pictures, the reply's an analysis.Rarity.
	TypeUnusual Type = "unusual"
	// TypePCA asks how well principal components reconstruct the validation
	// images; the body is a PCA, the reply's body a baseline.Quality.
	TypePCA Type = "pca"
	// TypeSeen acknowledges a frame; the body is a Seen. It has no reply.
	TypeSeen Type = "seen"
	// TypePing asks for a reply and nothing else.
	TypePing Type = "ping"
	// TypeBench trains a network of given layers on given images as fast as
	// it can; the body is a Bench, the reply's a BenchResult.
	TypeBench Type = "bench"
	// TypeJoin makes a worker a member of another worker's team, which sends
	// it, until the next TypeJoin; the body is a Join, and the Ports to the
	// other members travel beside it. A reply comes only when that fails.
	TypeJoin Type = "join"
)

// Messages of the worker.
const (
	TypeReady   Type = "ready"   // body: Ready
	TypeReply   Type = "reply"   // body: that of the command
	TypeLoading Type = "loading" // body: Loading
	TypeFrame   Type = "frame"   // body: Frame
	TypeSaved   Type = "saved"   // body: Saved
	TypeDied    Type = "died"    // body: Died; sent by the shim when the program ends
)

// Message is what crosses between page and worker.
type Message struct {
	Type    Type
	ID      int      // of the command, and of its reply; 0 when there is none
	Error   string   // of a reply: why the command failed; "" when it did not
	Body    []byte   // JSON
	Buffers [][]byte // the body's long lists
	File    any      // a Blob, a js.Value in the browser: with TypeLoad and TypeImport the user's File
	Ports   any      // with TypeJoin, an array of MessagePorts by rank: a js.Value
}

// New returns a message with a body of this package, or none: nil.
func New(t Type, body any) Message {
	body, buffers := pack(body)
	message := Message{Type: t, Buffers: buffers}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			// Bodies are this package's own types; only a number that is not
			// finite gets here, and a run that meets one ends before it is sent.
			panic(fmt.Sprintf("protocol: %s: %v", t, err))
		}
		message.Body = text
	}
	return message
}

// Decode returns the message's body as a T.
func Decode[T any](m Message) (T, error) {
	var body T
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return body, fmt.Errorf("protocol: %s: %w", m.Type, err)
	}
	return body, unpack(m, &body)
}

// Sources of a data set.
const (
	SourceSynthetic = "synthetic" // the embedded generator
	SourceSite      = "site"      // a compact file beside the page, named by Load.Name
	SourceKept      = "kept"      // the one that a previous visit kept in the browser
	SourceFile      = "file"      // a file of the user, beside the body
)

// Load is the body of TypeLoad.
type Load struct {
	Source string `json:"source"`
	Name   string `json:"name"` // of the site's data set or the user's file
	URL    string `json:"url"`  // of the site's data set

	Keep  bool `json:"keep"`  // whether the browser is to keep the user's file for the next visit
	Least int  `json:"least"` // how many training images the user's file has to have at least, for settings that are locked
}

// Dataset describes the data set in use.
type Dataset struct {
	Name       string   `json:"name"`
	Provenance string   `json:"provenance"`
	Source     string   `json:"source"`
	Train      int      `json:"train"`      // training images
	Validation int      `json:"validation"` // validation images
	Classes    []string `json:"classes"`
	MeanBCE    float64  `json:"meanBce"`  // validation BCE of the mean training image, in nats
	MeanMSE    float64  `json:"meanMse"`  // validation MSE of the mean training image
	Floor      float64  `json:"floor"`    // mean binary entropy of the validation images: no BCE is lower
	Checksum   uint32   `json:"checksum"` // of all images, as in a fit.Fingerprint
	Kept       bool     `json:"kept"`     // whether the browser keeps it for the next visit
	Labels     []byte   `json:"labels"`   // of the validation images
}

func (d *Dataset) lists(v visitor) { v.bytes(&d.Labels) }

// Configure is the body of TypeConfigure.
type Configure struct {
	Run      int                 `json:"run"` // number of the run; frames repeat it
	Settings experiment.Settings `json:"settings"`
	Queue    *Queue              `json:"queue"` // to be saved with the run; null for none
}

// Queue is a series of runs that are trained one after the other.
type Queue struct {
	Runs  []map[string]string `json:"runs"`  // changes of the settings, of the runs to come
	Total int                 `json:"total"` // runs, with those that are over and the one under way
}

// Adjust is the body of TypeAdjust: the settings of these names, and the queue.
type Adjust struct {
	Epochs  int    `json:"epochs"`
	Workers string `json:"workers"`
	Queue   *Queue `json:"queue"`
}

// Join is the body of TypeJoin: a place in a team, and what it trains.
type Join struct {
	Rank         int             `json:"rank"` // from 1
	Size         int             `json:"size"` // of the team
	Architecture nn.Architecture `json:"architecture"`
	Adam         nn.Adam         `json:"adam"`
	Batch        int             `json:"batch"`
}

// Pace is the body of TypePace.
type Pace struct {
	PerSecond float64 `json:"perSecond"` // batches, each of which is explained; 0 for as many as there is time for, of which none is
}

// Watch is the body of TypeWatch: indexes into the validation split.
type Watch struct {
	Images []int `json:"images"`
}

// Export is the body of TypeExport.
type Export struct {
	Format string `json:"format"` // as package exchange names it
}

// Import is the body of TypeImport.
type Import struct {
	Run      int                 `json:"run"`      // number of the new run; frames repeat it
	Settings experiment.Settings `json:"settings"` // for what the file does not say
	Locked   []string            `json:"locked"`   // which of those the file cannot change
}

// Imported is the reply to TypeImport.
type Imported struct {
	Frame    Frame               `json:"frame"` // where the run is
	Settings experiment.Settings `json:"settings"`
	Data     fit.Fingerprint     `json:"data"`   // that the model was trained on; zero where unknown
	Same     bool                `json:"same"`   // whether those are the data in use
	Kernel   string              `json:"kernel"` // that it was trained with, as in a fit.Checkpoint; "" where unknown
}

// Keep is the body of TypeKeep and TypeDiscard.
type Keep struct {
	Slot string `json:"slot"` // a name that no other page uses
}

// LockName returns the name of the lock that a page holds as long as it uses a slot.
func LockName(slot string) string { return "sae-slot-" + slot }

// Left is the reply to TypeKeep: the runs that pages which are gone have left
// saved, the newest first.
type Left struct {
	Saves []Save `json:"saves"`
}

// Save describes a saved run.
type Save struct {
	Slot         string              `json:"slot"`
	Time         int64               `json:"time"` // when it was saved, in milliseconds since 1970
	Load         Load                `json:"load"` // the command of its data set; a file that the browser keeps has the source kept
	Data         fit.Fingerprint     `json:"data"`
	Settings     experiment.Settings `json:"settings"`
	Kernel       string              `json:"kernel"` // as in a fit.Checkpoint
	Epoch        int                 `json:"epoch"`  // completed epochs
	Batch        int                 `json:"batch"`  // completed batches of the epoch under way
	TrainSeconds float64             `json:"trainSeconds"`
	Queue        *Queue              `json:"queue"` // that the run belongs to; null for none
}

// Resume is the body of TypeResume.
type Resume struct {
	Run   int     `json:"run"` // number that the run gets; frames repeat it
	Slot  string  `json:"slot"`
	LR    float64 `json:"lr"`    // learning rate to go on with; 0 for the one it has
	Queue *Queue  `json:"queue"` // as in Configure
}

// Saved tells that the run under way was saved, or why that failed.
type Saved struct {
	Run   int    `json:"run"`
	Epoch int    `json:"epoch"`
	Batch int    `json:"batch"`
	Error string `json:"error"` // why it is not saved; "" where it is
}

// Images is the body of TypeImages: indexes into the validation split.
type Images struct {
	Images []int `json:"images"`
}

// Unit is the body of TypeUnit.
type Unit struct {
	Unit int `json:"unit"` // from 0
}

// UnitDetail is the reply to TypeUnit.
type UnitDetail struct {
	analysis.Unit
	Pictures []byte // of the images in Top, [n, 3072], HWC
}

func (d *UnitDetail) lists(v visitor) {
	v.floats(&d.Activations)
	v.bytes(&d.Pictures)
}

// Pictures are the pixels of n images.
type Pictures struct {
	Pixels []byte `json:"pixels"` // [n, 3072], HWC
}

func (p *Pictures) lists(v visitor) { v.bytes(&p.Pixels) }

// Codes are the latent activations of n images.
type Codes struct {
	Codes []float32 `json:"codes"` // [n, latent]
}

func (c *Codes) lists(v visitor) { v.floats(&c.Codes) }

// Map is the reply to TypeMap.
type Map struct {
	Points []float32 `json:"points"` // [n, 2]
}

func (m *Map) lists(v visitor) { v.floats(&m.Points) }

// PCA is the body of TypePCA.
type PCA struct {
	K      int `json:"k"`      // components
	Images int `json:"images"` // training images that they are found of
}

// Seen is the body of TypeSeen.
type Seen struct {
	DisplayMS float64 `json:"displayMs"` // what it took to show the last frame before that one
}

// Ready is the body of TypeReady.
type Ready struct {
	Kernel string `json:"kernel"` // "relaxed-simd", "simd" or "go"
	Kept   string `json:"kept"`   // name of the data set that the browser keeps; "" for none
}

// Loading tells how far the reading of a data set is.
type Loading struct {
	Stage string `json:"stage"` // what is done, for people: "Reading cifar-10-binary.tar.gz"
	Done  int64  `json:"done"`  // bytes
	Total int64  `json:"total"` // bytes; 0 when unknown
}

// Status of a run.
type Status string

const (
	StatusIdle     Status = "idle"
	StatusTraining Status = "training"
	StatusPaused   Status = "paused"
	StatusDone     Status = "done"
	StatusError    Status = "error" // Frame.Failure says why
)

// Died tells why the worker's program ended.
type Died struct {
	Reason string `json:"reason"`
}

// Bench is the body of TypeBench.
type Bench struct {
	Layers      []int   `json:"layers"`
	LatentIndex int     `json:"latentIndex"`
	L1          float64 `json:"l1"`
	Batch       int     `json:"batch"`
	Epochs      int     `json:"epochs"` // timed
	Warmup      int     `json:"warmup"` // epochs before those
	Images      int     `json:"images"` // per epoch
	LR          float64 `json:"lr"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Epsilon     float64 `json:"eps"`
	BudgetMS    float64 `json:"budgetMs"` // fewer images are used when the whole would take longer
	Threads     int     `json:"threads"`  // workers at most, of which a power of 2 is used; 0 for one
	Data        []byte  `json:"data"`     // the images, [Images or more, 3072], HWC
}

func (b *Bench) lists(v visitor) { v.bytes(&b.Data) }

// BenchResult is the reply to TypeBench.
type BenchResult struct {
	ImagesPerSecond float64   `json:"imagesPerSecond"` // imagesUsed by the median epoch
	Loss            float64   `json:"loss"`            // mean of the last epoch
	ImagesUsed      int       `json:"imagesUsed"`
	EpochMS         []float64 `json:"epochMs"`
	Kernel          string    `json:"kernel"`
	Workers         int       `json:"workers"`
	Weights         string    `json:"weights"` // hash of the trained parameters (FNV-1a): equal for any number of workers
}
