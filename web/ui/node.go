package ui

import (
	"strings"

	"github.com/vugu/vjson"
	"github.com/vugu/vugu"
)

// What tools/generate puts in place of the statements that vugugen repeats for each
// element, which took a quarter of the code of this package.

// node returns an element. tag is its name and, each after a zero byte, the keys and
// values of its attributes.
func node(namespace, tag string) *vugu.VGNode {
	texts := strings.Split(tag, "\x00")
	n := &vugu.VGNode{Type: vugu.ElementNode, Namespace: namespace, Data: texts[0]}
	for i := 1; i < len(texts); i += 2 {
		n.Attr = append(n.Attr, vugu.VGAttribute{Key: texts[i], Val: texts[i+1]})
	}
	return n
}

// grow is node for a child of parent.
func grow(parent *vugu.VGNode, namespace, tag string) *vugu.VGNode {
	n := node(namespace, tag)
	parent.AppendChild(n)
	return n
}

// growText returns a text that is a child of parent.
func growText(parent *vugu.VGNode, text string) *vugu.VGNode {
	n := &vugu.VGNode{Type: vugu.TextNode, Data: text}
	parent.AppendChild(n)
	return n
}

// listen has an event of the element handled.
func listen(n *vugu.VGNode, event string, handle func(vugu.DOMEvent)) {
	n.DOMEventHandlerSpecList = append(n.DOMEventHandlerSpecList, vugu.DOMEventHandlerSpec{EventType: event, Func: handle})
}

// property sets a property of the element in JavaScript.
func property(n *vugu.VGNode, key string, value any) {
	text, err := vjson.Marshal(value)
	if err != nil {
		panic(err) // templates set booleans, numbers and text
	}
	n.Prop = append(n.Prop, vugu.VGProperty{Key: key, JSONVal: text})
}
